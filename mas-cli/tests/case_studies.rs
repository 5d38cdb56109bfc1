//! The studies that ship with the project can be planned.

use std::path::Path;

use mas_cli::study::Study;

#[test]
fn every_case_study_can_be_planned() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/case-studies");
    let mut planned = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let study = Study::read(&path).unwrap_or_else(|mistake| panic!("{mistake}"));
        // Quick and paper presets are of one study, with a page of its own.
        assert!(name == format!("{}.quick.toml", study.name) || name == format!("{}.paper.toml", study.name), "{name}");
        assert!(folder.join(format!("{}.md", study.name)).is_file(), "{name} has no page");
        assert!(!study.claims.is_empty() && !study.plan("flex").units().is_empty(), "{name}");
        planned.push(name);
    }
    assert!(planned.len() >= 8, "{planned:?}");
}
