//! Which places of a large part get a route.

use std::cell::Cell;

/// How large a part of a config is that decides about requests by itself: a vhost, a server block, a frontend.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// How many directives it has.
    pub own: usize,
    /// How many places of it may get a route.
    pub places: usize,
    /// Against how many directives each of its requests is held, one after the other.
    pub walked: usize,
}

impl Extent {
    /// A part whose requests are held against everything in it.
    pub fn walked_whole(own: usize, shared: usize) -> Self {
        Extent { own, places: own + shared, walked: own + shared }
    }
}

/// Lets every n-th place of a part have a route.
///
/// A request is held against all rules of its part, so routes to all of them take time in the square of their number. In
/// parts of up to some thousand rules that is nothing, and every place has its route; in larger ones the time grows with
/// their size alone, and the places that have one are spread evenly.
#[derive(Debug)]
pub struct Thinning {
    every: usize,
    seen: Cell<usize>,
}

impl Thinning {
    /// What the routes of a whole config may be held against in any case: a fraction of a second.
    const FREE: usize = 1 << 22;
    /// What they may be held against, besides, for each directive, and for each part.
    const PER_DIRECTIVE: usize = 512;
    const PER_PART: usize = 8192;

    /// For one of `parts` parts that are much alike.
    pub fn new(extent: Extent, parts: usize) -> Self {
        let may = (extent.own.saturating_mul(Self::PER_DIRECTIVE) + Self::PER_PART).max(Self::FREE / parts.max(1));
        Thinning { every: extent.places.saturating_mul(extent.walked).div_ceil(may).max(1), seen: Cell::new(0) }
    }

    /// Whether the place at hand has a route; the first one always has.
    pub fn takes(&self) -> bool {
        let seen = self.seen.get();
        self.seen.set(seen + 1);
        seen.is_multiple_of(self.every)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(extent: Extent, parts: usize) -> usize {
        let thinning = Thinning::new(extent, parts);
        (0..extent.places).filter(|_| thinning.takes()).count()
    }

    #[test]
    fn parts_as_people_write_them_are_not_thinned() {
        assert_eq!(taken(Extent::walked_whole(2000, 0), 1), 2000);
        assert_eq!(taken(Extent::walked_whole(400, 10), 10_000), 410);
        assert_eq!(taken(Extent { own: 100_000, places: 100_000, walked: 3 }, 1), 100_000);
    }

    #[test]
    fn the_work_on_large_parts_grows_with_their_size() {
        let work = |extent: Extent| taken(extent, 1) * extent.walked / extent.own;
        assert!(work(Extent::walked_whole(20_000, 0)) <= Thinning::PER_DIRECTIVE + 1);
        assert!(work(Extent::walked_whole(2_000_000, 0)) <= Thinning::PER_DIRECTIVE + 1);
        // Many parts that share much: a few routes for each of them.
        assert!((1..20).contains(&taken(Extent::walked_whole(4, 5000), 5000)));
    }
}
