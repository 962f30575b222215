//! Work on many threads, results in order.
//!
//! The results are handed over one by one in the order of their numbers, so whoever takes them
//! sees the same sequence for any number of threads; and no more than a few are ever waiting, so
//! memory does not grow with the amount of work. If pieces of work fail, the error of the lowest
//! number is the one returned, for any number of threads.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// How many results may wait for each thread.
const AHEAD: usize = 3;

struct State<T, E> {
    next: usize,
    taken: usize,
    done: BTreeMap<usize, Result<T, E>>,
    stop: bool,
}

struct Shared<T, E> {
    state: Mutex<State<T, E>>,
    changed: Condvar,
}

impl<T, E> Shared<T, E> {
    fn lock(&self) -> MutexGuard<'_, State<T, E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State<T, E>>) -> MutexGuard<'a, State<T, E>> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    fn stop(&self) {
        self.lock().stop = true;
        self.changed.notify_all();
    }

    /// The next number to work on; none when there is no more or the rest is not wanted.
    fn claim(&self, count: usize, window: usize) -> Option<usize> {
        let mut state = self.lock();
        while !state.stop && state.next < count && state.next >= state.taken + window {
            state = self.wait(state);
        }
        if state.stop || state.next >= count {
            return None;
        }
        state.next += 1;
        Some(state.next - 1)
    }

    /// The result of this number; none if it will never come.
    fn result(&self, number: usize) -> Option<Result<T, E>> {
        let mut state = self.lock();
        loop {
            if let Some(result) = state.done.remove(&number) {
                state.taken = number + 1;
                self.changed.notify_all();
                return Some(result);
            }
            if state.stop {
                return None;
            }
            state = self.wait(state);
        }
    }
}

/// Says stop when it goes out of scope, be it by a panic.
struct StopAtEnd<'a, T, E>(&'a Shared<T, E>);

impl<T, E> Drop for StopAtEnd<'_, T, E> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Does `work` for each number below `count` and hands the results to `take` in order.
pub(super) fn ordered<T: Send, E: Send>(
    threads: NonZeroUsize,
    count: usize,
    work: impl Fn(usize) -> Result<T, E> + Sync,
    mut take: impl FnMut(usize, T) -> Result<(), E>,
) -> Result<(), E> {
    if threads.get() == 1 {
        return (0..count).try_for_each(|number| take(number, work(number)?));
    }
    let state = State { next: 0, taken: 0, done: BTreeMap::new(), stop: false };
    let shared = Shared { state: Mutex::new(state), changed: Condvar::new() };
    let window = threads.get().saturating_mul(AHEAD);
    std::thread::scope(|scope| {
        let _stop = StopAtEnd(&shared);
        for _ in 0..threads.get().min(count) {
            scope.spawn(|| run(&shared, count, window, &work));
        }
        for number in 0..count {
            match shared.result(number) {
                Some(result) => take(number, result?)?,
                // A worker panicked; the scope passes it on.
                None => break,
            }
        }
        Ok(())
    })
}

fn run<T, E>(
    shared: &Shared<T, E>,
    count: usize,
    window: usize,
    work: &(impl Fn(usize) -> Result<T, E> + Sync),
) {
    while let Some(number) = shared.claim(count, window) {
        let panicked = StopAtEnd(shared);
        let result = work(number);
        std::mem::forget(panicked);
        shared.lock().done.insert(number, result);
        shared.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn threads(count: usize) -> NonZeroUsize {
        NonZeroUsize::new(count).unwrap()
    }

    #[test]
    fn results_come_in_order() {
        for count in [0, 1, 2, 100] {
            for workers in [1, 2, 7] {
                let mut seen = Vec::new();
                let work = |number: usize| Ok::<_, ()>(number * 2);
                ordered(threads(workers), count, work, |number, twice| {
                    seen.push((number, twice));
                    Ok(())
                })
                .unwrap();
                assert_eq!(seen, (0..count).map(|n| (n, n * 2)).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn few_results_wait() {
        let (made, taken) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let most = AtomicUsize::new(0);
        let work = |_| {
            let waiting = made.fetch_add(1, Ordering::SeqCst) - taken.load(Ordering::SeqCst);
            most.fetch_max(waiting, Ordering::SeqCst);
            Ok::<_, ()>(())
        };
        ordered(threads(2), 500, work, |_, ()| {
            taken.fetch_add(1, Ordering::SeqCst);
            Ok(())
        })
        .unwrap();
        assert!(most.into_inner() <= 2 * AHEAD + 2);
    }

    #[test]
    fn the_first_error_is_returned() {
        for workers in [1, 2, 5] {
            let work = |number: usize| if number % 10 == 7 { Err(number) } else { Ok(()) };
            assert_eq!(ordered(threads(workers), 50, work, |_, ()| Ok(())), Err(7));
            let refuse = |number: usize, ()| if number == 3 { Err(99) } else { Ok(()) };
            assert_eq!(ordered(threads(workers), 50, work, refuse), Err(99));
        }
    }

    #[test]
    fn a_panic_is_passed_on() {
        let work = |number: usize| {
            assert!(number != 3, "told to");
            Ok::<_, ()>(())
        };
        let run = || ordered(threads(2), 50, work, |_, ()| Ok(()));
        assert!(std::panic::catch_unwind(run).is_err());
    }
}
