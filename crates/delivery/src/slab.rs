//! Values by the number of their place, which is free again when the value is taken out.
//!
//! The crate `slab` would be one more than the budget of a library user has.

use std::ops::{Index, IndexMut};

/// A place in a slab.
pub(crate) type Key = usize;

#[derive(Debug)]
pub(crate) struct Slab<T> {
    places: Vec<Option<T>>,
    free: Vec<usize>,
}

impl<T> Slab<T> {
    pub(crate) fn new() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }

    pub(crate) fn insert(&mut self, value: T) -> usize {
        if let Some(place) = self.free.pop() {
            self.places[place] = Some(value);
            return place;
        }
        self.places.push(Some(value));
        self.places.len() - 1
    }

    pub(crate) fn remove(&mut self, place: usize) -> Option<T> {
        let value = self.places.get_mut(place)?.take();
        self.free.extend(value.as_ref().map(|_| place));
        value
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn get(&self, place: usize) -> Option<&T> {
        self.places.get(place)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, place: usize) -> Option<&mut T> {
        self.places.get_mut(place)?.as_mut()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        self.places.iter().enumerate().filter_map(|(place, value)| Some((place, value.as_ref()?)))
    }
}

/// # Panics
/// If the place is free: the lane keeps no number of a value that was taken out.
impl<T> Index<usize> for Slab<T> {
    type Output = T;

    fn index(&self, place: usize) -> &T {
        match self.get(place) {
            Some(value) => value,
            None => unreachable!("the place {place} is free"),
        }
    }
}

impl<T> IndexMut<usize> for Slab<T> {
    fn index_mut(&mut self, place: usize) -> &mut T {
        match self.get_mut(place) {
            Some(value) => value,
            None => unreachable!("the place {place} is free"),
        }
    }
}
