//! What the interpreter cannot hand to a value or a function: which resource is being judged, in
//! which world, and which gaps were met.
//!
//! CEL calls values and functions with their operands only, so this travels by thread. An
//! evaluation never leaves its thread, and `enter` restores what was there before.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use cel::ExecutionError;
use posture_model::Gap;

use super::value::ResourceVal;
use crate::world::World;

/// Gaps kept of one evaluation; more say nothing new, and a hostile snapshot could hold millions.
const MAX_GAPS: usize = 32;

#[derive(Default)]
struct Frame {
    here: Option<Here>,
    gaps: Vec<Arc<Gap>>,
}

/// The point of view of an evaluation. Counted by thread: many threads counting one world together
/// would spend their time on that.
#[derive(Clone)]
pub(crate) struct Here {
    world: Rc<World>,
    resource: Rc<ResourceVal>,
}

impl Here {
    /// What can be looked up.
    pub(crate) fn world(&self) -> &World {
        &self.world
    }

    /// The resource that is judged.
    pub(crate) fn resource(&self) -> &ResourceVal {
        &self.resource
    }
}

thread_local! {
    static FRAME: RefCell<Frame> = RefCell::default();
}

/// Makes a resource the one that is judged. Functions use it as their point of view.
pub(crate) fn enter(world: &World, resource: &ResourceVal) {
    FRAME.with_borrow_mut(|frame| {
        frame.gaps.clear();
        match &mut frame.here {
            Some(here) if here.world.same(world) => {
                if !Arc::ptr_eq(&here.resource.0, &resource.0) {
                    here.resource = Rc::new(resource.clone());
                }
            }
            here => {
                *here = Some(Here {
                    world: Rc::new(world.clone()),
                    resource: Rc::new(resource.clone()),
                });
            }
        }
    });
}

/// The world and the resource that is judged.
pub(crate) fn here() -> Result<Here, ExecutionError> {
    FRAME
        .with_borrow(|frame| frame.here.clone())
        .ok_or_else(|| ExecutionError::function_error("evaluation", "called outside of one"))
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
    unknown()
}

/// The error that stands for gaps that were noted already.
pub(crate) fn unknown() -> ExecutionError {
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
    FRAME.with_borrow_mut(|frame| frame.gaps.drain(..).map(Arc::unwrap_or_clone).collect())
}

/// Forgets the gaps met so far: what they left undecided was decided otherwise.
pub(crate) fn forget_gaps() {
    FRAME.with_borrow_mut(|frame| frame.gaps.clear());
}
