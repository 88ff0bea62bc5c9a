//! Every measurement, one per line, in a file.

use std::fs::File;
use std::path::Path;

/// Where measurements are written, if anywhere.
pub struct Samples(Option<(String, csv::Writer<File>)>);

impl std::fmt::Debug for Samples {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Samples").field(&self.0.as_ref().map(|(name, _)| name)).finish()
    }
}

impl Samples {
    /// A file at `path` with this header; nothing without a path.
    ///
    /// # Errors
    /// The path, and why it cannot be written.
    pub fn create(path: Option<&Path>, header: &[&str]) -> Result<Self, String> {
        let Some(path) = path else { return Ok(Self(None)) };
        let name = path.display().to_string();
        let writer = csv::Writer::from_path(path).map_err(|error| format!("{name}: {error}"))?;
        let mut samples = Self(Some((name, writer)));
        samples.write(header)?;
        Ok(samples)
    }

    /// One measurement.
    ///
    /// # Errors
    /// The path, and why it cannot be written.
    pub fn write<S: AsRef<[u8]>>(&mut self, record: &[S]) -> Result<(), String> {
        let Some((name, writer)) = &mut self.0 else { return Ok(()) };
        writer.write_record(record).map_err(|error| format!("{name}: {error}"))?;
        writer.flush().map_err(|error| format!("{name}: {error}"))
    }
}
