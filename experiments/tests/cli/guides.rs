//! The experiments in the guides run.

use std::fs;
use std::path::Path;

use crate::support::{Folder, succeeds};

#[test]
fn each_spec_of_a_guide_is_a_whole_experiment() {
    let guides = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guides");
    let folder = Folder::new("guides");
    let mut found = 0;
    for guide in fs::read_dir(guides).expect("docs/guides") {
        let guide = guide.expect("an entry").path();
        let text = fs::read_to_string(&guide).expect("text");
        let stem = guide.file_stem().expect("a name").to_string_lossy();
        for (at, block) in text.split("```toml\n").skip(1).enumerate() {
            // The scheme that the reader adds. This one has its parameter, too.
            let spec = block.split("```").next().expect("a block").replace("my-scheme", "hp-asym");
            let file = folder.write(&format!("{stem}-{at}.toml"), &spec);
            let scales = spec.split("[scales.").skip(1).filter_map(|rest| rest.split(']').next());
            let scales: Vec<&str> = scales.collect();
            assert!(scales.contains(&"laptop"), "{file} has not the scale that runs by default");
            for scale in scales {
                let printed = succeeds(&["run", &file, "--scale", scale, "--dry-run"]);
                assert!(printed.contains("cells"), "{file}: {printed}");
            }
            found += 1;
        }
    }
    assert!(found >= 3, "{found} specs are found");
}
