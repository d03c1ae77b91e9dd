//! Findings: in memory while they are few, in a temporary file when they are many.
//!
//! They come account by account, and are read check by check, the worst first. Within a check they are in the
//! order of accounts, which is the order in which they come: so those of a check and status are written one
//! after the other in pieces, and reading the pieces of one check after those of another gives all in order.
//! Nothing has to be sorted twice, nor merged.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, PoisonError};

use posture_model::FindingId;

use crate::EngineError;
use crate::parallel::in_parallel;
use crate::result::Finding;

/// Findings that are written, and read back, at a time.
const PIECE: usize = 256;

/// Findings repeat each other so much that the least effort shrinks them to a tenth.
const ZSTD_LEVEL: i32 = 1;

/// The findings of an evaluation, to be gone over any number of times, the worst first.
///
/// The temporary file has no name, so that it is gone with the process, however that ends, and nobody else can
/// open it. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Findings(Arc<Store>);

#[derive(Debug, Default)]
struct Store {
    /// In the order in which they are read.
    pieces: Vec<Piece>,
    count: u64,
    place: Place,
}

/// Where some findings of one check and status are.
#[derive(Debug, Clone, Copy)]
struct Piece {
    start: u64,
    length: usize,
}

#[derive(Debug)]
enum Place {
    /// As they are.
    List(Vec<Finding>),
    Memory(Vec<u8>),
    File(Mutex<File>),
}

impl Default for Place {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

impl From<Vec<Finding>> for Findings {
    /// These, in this order.
    fn from(list: Vec<Finding>) -> Self {
        let whole = Piece {
            start: 0,
            length: list.len(),
        };
        Self(Arc::new(Store {
            pieces: vec![whole],
            count: list.len() as u64,
            place: Place::List(list),
        }))
    }
}

impl Findings {
    /// How many there are.
    pub fn len(&self) -> u64 {
        self.0.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether they are in a temporary file.
    pub fn are_on_disk(&self) -> bool {
        matches!(self.0.place, Place::File(_))
    }

    /// All of them, one at a time. An error means that they cannot be read back from the temporary file.
    pub fn iter(&self) -> impl Iterator<Item = io::Result<Finding>> {
        self.0.pieces.iter().flat_map(|piece| {
            let (findings, error) = match self.0.read(*piece) {
                Ok(findings) => (findings, None),
                Err(error) => (Vec::new(), Some(Err(error))),
            };
            findings.into_iter().map(Ok).chain(error)
        })
    }

    /// All of them at once, for whoever knows that they are few.
    pub fn to_vec(&self) -> io::Result<Vec<Finding>> {
        self.iter().collect()
    }
}

impl PartialEq for Findings {
    /// Whether both have the same findings in the same order, wherever they are.
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self
                .iter()
                .zip(other.iter())
                .all(|(a, b)| matches!((a, b), (Ok(a), Ok(b)) if a == b))
    }
}

impl Store {
    fn read(&self, piece: Piece) -> io::Result<Vec<Finding>> {
        match &self.place {
            Place::List(list) => Ok(list.clone()),
            Place::Memory(bytes) => {
                let start = usize::try_from(piece.start).unwrap_or(usize::MAX);
                let end = start.saturating_add(piece.length);
                decode(bytes.get(start..end).unwrap_or_default())
            }
            Place::File(file) => {
                let mut bytes = vec![0; piece.length];
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                file.seek(SeekFrom::Start(piece.start))?;
                file.read_exact(&mut bytes)?;
                drop(file);
                decode(&bytes)
            }
        }
    }
}

fn encode(findings: &[&Finding]) -> io::Result<Vec<u8>> {
    let mut encoder = zstd::Encoder::new(Vec::new(), ZSTD_LEVEL)?;
    // A bit that flips on a disk must not turn into another verdict.
    encoder.include_checksum(true)?;
    serde_json::to_writer(&mut encoder, findings)?;
    encoder.finish()
}

fn decode(bytes: &[u8]) -> io::Result<Vec<Finding>> {
    let text = zstd::decode_all(bytes)?;
    Ok(serde_json::from_slice(&text)?)
}

/// A finding with what it is sorted by first: its status and check, as a number.
pub(crate) type Ranked = (usize, Finding);

/// Takes findings as they come.
pub(crate) struct Keeper {
    /// Bytes that are kept in memory.
    limit: usize,
    pieces: BTreeMap<usize, Vec<Piece>>,
    ids: Vec<u128>,
    place: Writing,
    end: u64,
}

enum Writing {
    Memory(Vec<u8>),
    File(BufWriter<File>),
}

impl Keeper {
    /// Keeps so many bytes in memory.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            pieces: BTreeMap::new(),
            ids: Vec::new(),
            place: Writing::Memory(Vec::new()),
            end: 0,
        }
    }

    /// Takes some findings. Those of one rank have to come in the order of accounts, regions and resources over
    /// all calls; within one call they may come in any order.
    pub(crate) fn add(&mut self, mut findings: Vec<Ranked>) -> Result<(), EngineError> {
        findings.sort_by(|(a_rank, a), (b_rank, b)| {
            a_rank
                .cmp(b_rank)
                .then_with(|| a.account.cmp(&b.account))
                .then_with(|| a.region.cmp(&b.region))
                .then_with(|| a.resource.arn.cmp(&b.resource.arn))
                .then_with(|| a.resource.id.cmp(&b.resource.id))
                .then_with(|| a.resource.name.cmp(&b.resource.name))
        });
        for (_, finding) in &findings {
            // Ids are hexadecimal digits, so none is lost.
            let id = u128::from_str_radix(finding.id.as_str(), 16).unwrap_or_default();
            self.ids.push(id);
        }
        let pieces: Vec<(usize, Vec<&Finding>)> = findings
            .chunk_by(|(a, _), (b, _)| a == b)
            .flat_map(|of_rank| of_rank.chunks(PIECE))
            .filter_map(|piece| {
                let (rank, _) = piece.first()?;
                Some((*rank, piece.iter().map(|(_, finding)| finding).collect()))
            })
            .collect();
        let encoded = in_parallel(&pieces, |(_, findings)| encode(findings));
        for ((rank, _), bytes) in pieces.iter().zip(encoded) {
            let bytes = bytes.map_err(EngineError::Findings)?;
            self.write(*rank, &bytes).map_err(EngineError::Findings)?;
        }
        Ok(())
    }

    fn write(&mut self, rank: usize, bytes: &[u8]) -> io::Result<()> {
        if let Writing::Memory(kept) = &mut self.place
            && kept.len() + bytes.len() > self.limit
        {
            match tempfile::tempfile() {
                Ok(file) => {
                    let mut file = BufWriter::new(file);
                    file.write_all(kept)?;
                    self.place = Writing::File(file);
                }
                // A container may have nowhere to write to: more memory is better than no report.
                Err(_) => self.limit = usize::MAX,
            }
        }
        match &mut self.place {
            Writing::Memory(kept) => kept.extend_from_slice(bytes),
            Writing::File(file) => file.write_all(bytes)?,
        }
        self.pieces.entry(rank).or_default().push(Piece {
            start: self.end,
            length: bytes.len(),
        });
        self.end += bytes.len() as u64;
        Ok(())
    }

    /// All that was taken. An error where two findings share an id.
    pub(crate) fn finish(mut self) -> Result<Findings, EngineError> {
        let count = self.ids.len() as u64;
        self.ids.sort_unstable();
        let twice = self.ids.windows(2).find(|pair| pair[0] == pair[1]);
        if let Some(id) = twice.and_then(|pair| FindingId::new(format!("{:032x}", pair[0])).ok()) {
            return Err(EngineError::AmbiguousId(id));
        }
        let place = match self.place {
            Writing::Memory(kept) => Place::Memory(kept),
            Writing::File(file) => {
                let file = file.into_inner().map_err(io::IntoInnerError::into_error);
                Place::File(Mutex::new(file.map_err(EngineError::Findings)?))
            }
        };
        Ok(Findings(Arc::new(Store {
            pieces: self.pieces.into_values().flatten().collect(),
            count,
            place,
        })))
    }
}
