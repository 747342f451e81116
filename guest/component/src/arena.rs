//! The component's heap. A call starts with nothing and ends with nothing, and most of what it takes it gives back in the
//! order of a stack, so a pointer that moves up is all that there is to it: it starts again when everything was given back.
//!
//! A fresh instance then needs no memory but what it starts with, where an allocator that asks for its own would have the
//! kernel change the protection of pages twice in every call. `cargo bench -p rbm-component` shows what that costs.

use std::alloc::{GlobalAlloc, Layout, handle_alloc_error};
use std::cell::Cell;
use std::ptr::{self, NonNull};

/// Memory that can grow at its end.
pub(crate) trait Space {
    /// The first address that is not part of it.
    fn end(&self) -> *mut u8;
    /// False if there is no more.
    fn grow(&self, bytes: usize) -> bool;
}

/// What lies from `start` to `next` was handed out, and `live` pieces of it are in use.
pub(crate) struct Arena<S> {
    space: S,
    start: *mut u8,
    next: Cell<*mut u8>,
    end: Cell<*mut u8>,
    live: Cell<usize>,
}

impl<S: Space> Arena<S> {
    /// The space from `start` on belongs to the arena alone.
    pub(crate) const fn new(space: S, start: *mut u8) -> Self {
        Self {
            space,
            start,
            next: Cell::new(start),
            end: Cell::new(ptr::null_mut()),
            live: Cell::new(0),
        }
    }

    /// A piece of its own. None if there is not so much.
    #[inline]
    fn take(&self, layout: Layout) -> Option<NonNull<u8>> {
        let next = self.next.get();
        let align = layout.align();
        let piece = next.with_addr(next.addr().checked_add(align - 1)? & !(align - 1));
        self.advance(piece, layout.size())?;
        self.live.set(self.live.get() + 1);
        NonNull::new(piece)
    }

    fn give_back(&self, piece: *mut u8, size: usize) {
        let live = self.live.get() - 1;
        self.live.set(live);
        if live == 0 {
            self.next.set(self.start);
        } else if self.is_last(piece, size) {
            self.next.set(piece);
        }
    }

    /// The same piece with another size where it can stay where it is. None if there is not so much.
    fn resize(&self, piece: NonNull<u8>, layout: Layout, size: usize) -> Option<NonNull<u8>> {
        if self.is_last(piece.as_ptr(), layout.size()) {
            self.advance(piece.as_ptr(), size)?;
            return Some(piece);
        }
        if size <= layout.size() {
            return Some(piece);
        }
        let moved = self.take(Layout::from_size_align(size, layout.align()).ok()?)?;
        #[expect(unsafe_code, reason = "moves raw memory")]
        // SAFETY: `piece` has so many bytes, `moved` has more, and they do not overlap.
        unsafe {
            ptr::copy_nonoverlapping(piece.as_ptr(), moved.as_ptr(), layout.size());
        }
        self.live.set(self.live.get() - 1);
        Some(moved)
    }

    /// Moves the pointer to `size` bytes after `from`, if there is so much.
    #[inline]
    fn advance(&self, from: *mut u8, size: usize) -> Option<()> {
        let next = from.addr().checked_add(size)?;
        let enough = next <= self.end.get().addr() || self.grow_to(next);
        enough.then(|| self.next.set(from.with_addr(next)))
    }

    #[cold]
    #[inline(never)]
    fn grow_to(&self, next: usize) -> bool {
        let missing = next.saturating_sub(self.space.end().addr());
        let enough = missing == 0 || self.space.grow(missing);
        self.end.set(self.space.end());
        enough
    }

    fn is_last(&self, piece: *mut u8, size: usize) -> bool {
        piece.addr() + size == self.next.get().addr()
    }

    // Out of line, and never null: a call costs less here than 20 KB of copies in every place that allocates, and a look at
    // the outcome there another 2 KB. Whoever runs out of memory stops, as he would there.

    #[inline(never)]
    fn take_or_stop(&self, layout: Layout) -> NonNull<u8> {
        self.take(layout)
            .unwrap_or_else(|| handle_alloc_error(layout))
    }

    #[inline(never)]
    fn resize_or_stop(&self, piece: NonNull<u8>, layout: Layout, size: usize) -> NonNull<u8> {
        self.resize(piece, layout, size)
            .unwrap_or_else(|| handle_alloc_error(layout))
    }
}

#[expect(unsafe_code, reason = "an allocator hands out raw memory")]
// SAFETY: pieces are handed out in ascending order and none before all of its predecessors' end, so no two that are in use
// overlap; the pointer goes back only over the last piece, when that is given back, or to the start when none is in use.
unsafe impl<S: Space> GlobalAlloc for Arena<S> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.take_or_stop(layout).as_ptr()
    }

    #[inline(never)]
    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        self.give_back(piece, layout.size());
    }

    unsafe fn realloc(&self, piece: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller promises that it was handed out.
        let piece = unsafe { NonNull::new_unchecked(piece) };
        self.resize_or_stop(piece, layout, size).as_ptr()
    }
}

/// The linear memory of the component, from where the linker's own things end.
#[cfg(target_family = "wasm")]
mod component {
    use super::{Arena, Space};
    use core::arch::wasm32::{memory_grow, memory_size};
    use std::ptr;

    #[expect(unsafe_code, reason = "names a symbol of the linker")]
    unsafe extern "C" {
        static mut __heap_base: u8;
    }

    #[global_allocator]
    static HEAP: Arena<LinearMemory> = Arena::new(LinearMemory, &raw mut __heap_base);

    #[expect(unsafe_code, reason = "a static has to say so")]
    // SAFETY: a component has one thread.
    unsafe impl Sync for Arena<LinearMemory> {}

    struct LinearMemory;

    impl Space for LinearMemory {
        fn end(&self) -> *mut u8 {
            ptr::without_provenance_mut(memory_size::<0>() * PAGE_BYTES)
        }

        fn grow(&self, bytes: usize) -> bool {
            // Some at once: to grow is slow.
            let pages = bytes.div_ceil(GROWTH_BYTES) * (GROWTH_BYTES / PAGE_BYTES);
            memory_grow::<0>(pages) != usize::MAX
        }
    }

    const PAGE_BYTES: usize = 64 << 10;
    const GROWTH_BYTES: usize = 256 << 10;
}

#[cfg(test)]
#[expect(unsafe_code, reason = "calls an allocator by hand")]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// So many bytes, of which some are there at the start.
    struct Region {
        bytes: Vec<Cell<u8>>,
        here: Cell<usize>,
    }

    impl Region {
        fn start(&self) -> *mut u8 {
            self.bytes.as_ptr().cast_mut().cast()
        }
    }

    impl Space for &Region {
        fn end(&self) -> *mut u8 {
            self.start().wrapping_add(self.here.get())
        }

        fn grow(&self, bytes: usize) -> bool {
            let here = self.here.get() + bytes;
            let enough = here <= self.bytes.len();
            if enough {
                self.here.set(here);
            }
            enough
        }
    }

    fn region(here: usize, all: usize) -> Region {
        Region {
            bytes: vec![Cell::new(0); all],
            here: Cell::new(here),
        }
    }

    fn arena(region: &Region) -> Arena<&Region> {
        Arena::new(region, region.start())
    }

    #[derive(Clone, Debug)]
    enum Step {
        Take { size: usize, align: usize },
        Give { index: usize },
        Resize { index: usize, size: usize },
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (1..300_usize, 0..5_u32).prop_map(|(size, log)| Step::Take {
                size,
                align: 1 << log
            }),
            any::<usize>().prop_map(|index| Step::Give { index }),
            (any::<usize>(), 1..600_usize).prop_map(|(index, size)| Step::Resize { index, size }),
        ]
    }

    /// What a piece of this number is filled with.
    fn filling(number: usize) -> u8 {
        u8::try_from(number % 251).unwrap()
    }

    struct Piece {
        at: *mut u8,
        layout: Layout,
        number: usize,
    }

    impl Piece {
        fn fill(&self) {
            unsafe { ptr::write_bytes(self.at, filling(self.number), self.layout.size()) };
        }

        fn is_intact(&self, bytes: usize) -> bool {
            (0..bytes).all(|offset| unsafe { self.at.add(offset).read() } == filling(self.number))
        }
    }

    proptest! {
        /// Whatever is taken, given back and resized, in whatever order: every piece keeps its bytes to its end.
        #[test]
        fn no_piece_touches_another(steps in prop::collection::vec(step(), 1..200)) {
            let region = region(1_000, 100_000);
            let arena = arena(&region);
            let mut pieces: Vec<Piece> = Vec::new();
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Take { size, align } => {
                        let layout = Layout::from_size_align(size, align).unwrap();
                        let at = unsafe { arena.alloc(layout) };
                        prop_assert!(!at.is_null() && at.addr().is_multiple_of(align));
                        pieces.push(Piece { at, layout, number });
                    }
                    Step::Give { .. } | Step::Resize { .. } if pieces.is_empty() => continue,
                    Step::Give { index } => {
                        let piece = pieces.swap_remove(index % pieces.len());
                        prop_assert!(piece.is_intact(piece.layout.size()));
                        unsafe { arena.dealloc(piece.at, piece.layout) };
                        continue;
                    }
                    Step::Resize { index, size } => {
                        let mut piece = pieces.swap_remove(index % pieces.len());
                        piece.at = unsafe { arena.realloc(piece.at, piece.layout, size) };
                        prop_assert!(!piece.at.is_null() && piece.at.addr().is_multiple_of(piece.layout.align()));
                        prop_assert!(piece.is_intact(size.min(piece.layout.size())));
                        piece.layout = Layout::from_size_align(size, piece.layout.align()).unwrap();
                        pieces.push(piece);
                    }
                }
                pieces.last().unwrap().fill();
            }
            for piece in pieces {
                prop_assert!(piece.is_intact(piece.layout.size()));
                unsafe { arena.dealloc(piece.at, piece.layout) };
            }
            prop_assert_eq!(arena.next.get(), arena.start);
        }
    }

    #[test]
    fn what_was_all_given_back_is_handed_out_again() {
        let region = region(100, 100);
        let arena = arena(&region);
        let layout = Layout::from_size_align(40, 1).unwrap();
        for _ in 0..1_000 {
            let pieces = [unsafe { arena.alloc(layout) }, unsafe {
                arena.alloc(layout)
            }];
            assert!(pieces.iter().all(|piece| !piece.is_null()));
            for piece in pieces {
                unsafe { arena.dealloc(piece, layout) };
            }
        }
        assert_eq!(region.here.get(), 100);
    }

    #[test]
    fn what_does_not_fit_is_refused_and_what_was_taken_stays() {
        let region = region(10, 100);
        let arena = arena(&region);
        let small = Layout::from_size_align(60, 1).unwrap();
        let piece = arena.take(small).unwrap();
        assert_eq!(arena.take(small), None);
        assert_eq!(arena.resize(piece, small, 101), None);
        let huge = Layout::from_size_align(isize::MAX.unsigned_abs(), 1).unwrap();
        assert_eq!(arena.take(huge), None);
        assert_eq!(arena.resize(piece, small, usize::MAX), None);
        assert_eq!(arena.resize(piece, small, 100), Some(piece));
    }
}
