//! Recipe and image declarations: text in, values or errors with line and column out.
