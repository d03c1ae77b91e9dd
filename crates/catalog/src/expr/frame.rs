//! What the interpreter cannot hand to a value or a function: which resource is being judged, in
//! which world, and which gaps were met.
//!
//! CEL calls values and functions with their operands only, so this travels by thread. An
//! evaluation never leaves its thread, and `enter` restores what was there before.

use std::cell::RefCell;
use std::sync::Arc;

use cel::ExecutionError;
use posture_model::Gap;

use super::value::ResourceVal;
use crate::world::World;

/// Gaps kept of one evaluation; more say nothing new, and a hostile snapshot could hold millions.
const MAX_GAPS: usize = 32;

#[derive(Default)]
struct Frame {
    world: Option<World>,
    resource: Option<ResourceVal>,
    gaps: Vec<Arc<Gap>>,
}

thread_local! {
    static FRAME: RefCell<Frame> = RefCell::default();
}

/// Makes a resource the one that is judged. Functions use it as their point of view.
pub(crate) fn enter(world: &World, resource: &ResourceVal) {
    FRAME.with_borrow_mut(|frame| {
        if !frame.world.as_ref().is_some_and(|w| w.same(world)) {
            frame.world = Some(world.clone());
        }
        if !frame
            .resource
            .as_ref()
            .is_some_and(|r| Arc::ptr_eq(&r.0, &resource.0))
        {
            frame.resource = Some(resource.clone());
        }
        frame.gaps.clear();
    });
}

/// The world and the resource that is judged.
pub(crate) fn here() -> Result<(World, ResourceVal), ExecutionError> {
    FRAME.with_borrow(|frame| {
        frame
            .world
            .clone()
            .zip(frame.resource.clone())
            .ok_or_else(|| ExecutionError::function_error("evaluation", "called outside of one"))
    })
}

/// Remembers a gap.
pub(crate) fn note(gap: &Arc<Gap>) {
    FRAME.with_borrow_mut(|frame| {
        if frame.gaps.len() < MAX_GAPS && !frame.gaps.contains(gap) {
            frame.gaps.push(Arc::clone(gap));
        }
    });
}

/// Remembers a gap and makes the error that stands for it.
///
/// The error has a shape that nothing else produces and that costs no allocation; what it means
/// is in the frame. CEL's logic operators absorb it exactly where the other side decides.
pub(crate) fn gap(gap: &Arc<Gap>) -> ExecutionError {
    note(gap);
    ExecutionError::FunctionError {
        function: String::new(),
        message: String::new(),
    }
}

/// Whether an error stands for a gap.
pub(crate) fn is_gap(error: &ExecutionError) -> bool {
    matches!(error, ExecutionError::FunctionError { function, .. } if function.is_empty())
}

/// Takes the gaps met since `enter` or the last call.
pub(crate) fn take_gaps() -> Vec<Gap> {
    FRAME.with_borrow_mut(|frame| {
        frame
            .gaps
            .drain(..)
            .map(|gap| Arc::unwrap_or_clone(gap))
            .collect()
    })
}

/// Forgets the gaps met so far: what they left undecided was decided otherwise.
pub(crate) fn forget_gaps() {
    FRAME.with_borrow_mut(|frame| frame.gaps.clear());
}
