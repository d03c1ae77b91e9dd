//! Objects that were fetched before they were asked for, in a temporary file without a name.
//!
//! An evaluation reads the same objects several times, one after the other, and each takes as long as a journey to
//! the object store and back. Nothing depends on this: what is not here is fetched when it is asked for.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Copies of the objects that were announced.
#[derive(Debug, Default)]
pub(super) struct Copies {
    shelf: Mutex<Shelf>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Shelf {
    /// None until something is announced, and where nothing can be written.
    file: Option<File>,
    end: u64,
    objects: HashMap<String, Copy>,
}

#[derive(Debug, Clone, Copy)]
enum Copy {
    Announced,
    Coming,
    /// Whole, or for an object that is not there, none.
    Here(Option<Place>),
}

#[derive(Debug, Clone, Copy)]
struct Place {
    start: u64,
    length: u64,
}

/// What is known of an object.
pub(super) enum Found {
    /// What it holds; none when there is no such object.
    Here(Option<Vec<u8>>),
    /// It is the asker's to fetch it, and to say so.
    Fetch(Errand),
    /// Nobody announced it.
    Unknown,
}

/// Somebody fetches an object. Whoever wants it too waits for the end of this, which comes even when it fails.
pub(super) struct Errand {
    copies: Arc<Copies>,
    name: String,
    outcome: Copy,
}

impl Copies {
    /// Announces objects; false where there is nowhere to keep them.
    pub(super) fn announce(&self, names: &[String]) -> bool {
        let mut shelf = self.shelf();
        if shelf.file.is_none() {
            // A container may have nowhere to write to.
            shelf.file = tempfile::tempfile().ok();
        }
        if shelf.file.is_none() {
            return false;
        }
        for name in names {
            shelf.objects.entry(name.clone()).or_insert(Copy::Announced);
        }
        true
    }

    /// To fetch an object ahead, unless somebody else does or has.
    pub(super) fn begin(self: &Arc<Self>, name: &str) -> Option<Errand> {
        let mut shelf = self.shelf();
        let copy = shelf.objects.get_mut(name)?;
        matches!(copy, Copy::Announced).then(|| self.errand(copy, name))
    }

    /// The copy of an object. Waits for one that is coming.
    pub(super) fn find(self: &Arc<Self>, name: &str) -> Found {
        let mut shelf = self.shelf();
        loop {
            let Some(copy) = shelf.objects.get_mut(name) else {
                return Found::Unknown;
            };
            match copy {
                Copy::Announced => return Found::Fetch(self.errand(copy, name)),
                Copy::Here(None) => return Found::Here(None),
                Copy::Here(Some(place)) => {
                    let place = *place;
                    return match shelf.read(place) {
                        Ok(bytes) => Found::Here(Some(bytes)),
                        // A disk that fails is no reason to fail.
                        Err(_) => Found::Unknown,
                    };
                }
                Copy::Coming => {
                    let woken = self.changed.wait(shelf);
                    shelf = woken.unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }

    /// An object has changed.
    pub(super) fn forget(&self, name: &str) {
        self.shelf().objects.remove(name);
    }

    fn errand(self: &Arc<Self>, copy: &mut Copy, name: &str) -> Errand {
        *copy = Copy::Coming;
        Errand {
            copies: Arc::clone(self),
            name: name.to_owned(),
            outcome: Copy::Announced,
        }
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Errand {
    /// The object.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Ends with what the object holds; none when there is no such object.
    pub(super) fn done(mut self, bytes: Option<&[u8]>) {
        let place = bytes
            .map(|bytes| self.copies.shelf().write(bytes))
            .transpose();
        // What cannot be kept is fetched each time.
        self.outcome = place.map_or(Copy::Announced, Copy::Here);
    }
}

impl Drop for Errand {
    fn drop(&mut self) {
        let mut shelf = self.copies.shelf();
        // It may have been forgotten meanwhile.
        if let Some(copy) = shelf.objects.get_mut(&self.name) {
            *copy = self.outcome;
        }
        self.copies.changed.notify_all();
    }
}

impl Shelf {
    fn read(&mut self, place: Place) -> io::Result<Vec<u8>> {
        let file = self.file.as_mut().ok_or(io::ErrorKind::NotFound)?;
        let length = usize::try_from(place.length).map_err(io::Error::other)?;
        let mut bytes = vec![0; length];
        file.seek(SeekFrom::Start(place.start))?;
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<Place> {
        let start = self.end;
        let file = self.file.as_mut().ok_or(io::ErrorKind::NotFound)?;
        file.seek(SeekFrom::Start(start))?;
        file.write_all(bytes)?;
        let length = bytes.len() as u64;
        self.end += length;
        Ok(Place { start, length })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::*;

    fn announced(names: &[&str]) -> Arc<Copies> {
        let copies = Arc::new(Copies::default());
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        assert!(copies.announce(&names));
        copies
    }

    fn here(copies: &Arc<Copies>, name: &str) -> Option<Vec<u8>> {
        match copies.find(name) {
            Found::Here(bytes) => bytes,
            Found::Fetch(_) | Found::Unknown => panic!("{name} is not here"),
        }
    }

    #[test]
    fn what_was_fetched_is_here_as_it_was() {
        let copies = announced(&["a", "b", "empty", "absent"]);
        for (name, bytes) in [
            ("a", Some(&b"first"[..])),
            ("b", Some(b"second")),
            ("empty", Some(b"")),
            ("absent", None),
        ] {
            copies.begin(name).unwrap().done(bytes);
            assert!(copies.begin(name).is_none(), "nobody fetches {name} again");
        }
        // Announced once more, as by the next evaluation, they stay.
        assert!(copies.announce(&["a".to_owned()]));
        assert_eq!(here(&copies, "b").unwrap(), b"second");
        assert_eq!(here(&copies, "a").unwrap(), b"first");
        assert_eq!(here(&copies, "empty").unwrap(), b"");
        assert_eq!(here(&copies, "absent"), None);
        assert!(matches!(copies.find("other"), Found::Unknown));
    }

    #[test]
    fn whoever_asks_waits_for_what_is_coming_and_takes_over_when_it_fails() {
        let copies = announced(&["a"]);
        let errand = copies.begin("a").unwrap();
        let (told, hears) = mpsc::channel();
        let waiting = thread::spawn({
            let copies = Arc::clone(&copies);
            move || {
                let Found::Fetch(errand) = copies.find("a") else {
                    panic!("it did not come");
                };
                errand.done(Some(b"at last"));
                told.send(()).unwrap();
            }
        });
        assert!(hears.recv_timeout(Duration::from_millis(50)).is_err());
        drop(errand);
        waiting.join().unwrap();
        assert_eq!(here(&copies, "a").unwrap(), b"at last");
    }

    #[test]
    fn what_has_changed_is_fetched_anew() {
        let copies = announced(&["a", "b"]);
        copies.begin("a").unwrap().done(Some(b"old"));
        copies.forget("a");
        assert!(matches!(copies.find("a"), Found::Unknown));
        // Also when it was on its way.
        let errand = copies.begin("b").unwrap();
        copies.forget("b");
        errand.done(Some(b"old"));
        assert!(matches!(copies.find("b"), Found::Unknown));
    }
}
