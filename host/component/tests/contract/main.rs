//! The contract as a text: what stands in it says since when, what was released stays true in both directions, and the page that
//! people read is made of it.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod page;
mod released;
mod since;

use std::path::PathBuf;
use wit_parser::{PackageId, Resolve, WorldId};

fn wit() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../wit")
}

/// A contract of a directory's texts.
struct Contract {
    resolve: Resolve,
    package: PackageId,
}

impl Contract {
    fn read(directory: PathBuf) -> Self {
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_dir(directory).unwrap();
        Self { resolve, package }
    }

    fn plugin(&self) -> WorldId {
        self.resolve
            .select_world(&[self.package], Some("plugin"))
            .unwrap()
    }
}
