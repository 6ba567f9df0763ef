//! Files that somebody has sent.

use bilten_kernel::typed_id;

// The domain of files takes this over once there is one.
typed_id!(pub FileId, "fil", "Names a file that somebody has sent.");
