//! Declarations from text to what a build works from, and every way in which they can be wrong.

#[cfg(test)]
mod follows;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod mistakes;
#[cfg(test)]
mod own;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod world;
