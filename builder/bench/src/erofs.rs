//! The EROFS writer beside `mkfs.erofs`: the same tree, level, cluster size and threads.
//!
//! Our side is given the digests of all files, as it is in a build, where the store knows them;
//! the time is that of writing alone, from loading the first content to the last byte of the
//! image. Each side runs in a process of its own. The page cache is warm for both: our side has
//! read every file for its digest, and runs first.

use std::fs::{self, File};
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Instant;

use contract::digest::Digest;
use formats::erofs::{ClusterCache, Codec, NoCache, Options};

use super::{Outcome, directory, measure};

fn word<'a>(words: &'a [String], at: usize, what: &str) -> Result<&'a str, String> {
    words.get(at).map(String::as_str).ok_or_else(|| format!("{what} is missing"))
}

fn number(words: &[String], at: usize, what: &str) -> Result<u32, String> {
    word(words, at, what)?.parse().map_err(|error| format!("{what}: {error}"))
}

/// A directory of cached units.
struct Cache(PathBuf);

impl ClusterCache for Cache {
    fn get(&self, key: &Digest) -> Option<Vec<u8>> {
        fs::read(self.0.join(key.to_string())).ok()
    }

    fn put(&self, key: &Digest, bytes: &[u8]) {
        if let Err(error) = fs::write(self.0.join(key.to_string()), bytes) {
            eprintln!("cache: {error}");
        }
    }
}

/// Level 0 is LZ4, negative is no compression.
fn codec(level: &str) -> Result<Codec, String> {
    match level.parse::<i32>().map_err(|error| format!("level: {error}"))? {
        0 => Ok(Codec::Lz4),
        level if level < 0 => Ok(Codec::None),
        level => Ok(Codec::Zstd { level }),
    }
}

/// Writes an image once, and prints seconds, seconds of processor, bytes, and units cached.
pub(crate) fn write(words: &[String]) -> Outcome {
    let options = Options {
        codec: codec(word(words, 1, "level")?)?,
        cluster_bytes: number(words, 2, "cluster size")? << 10,
        pack_below_bytes: number(words, 3, "packing limit")? << 10,
        threads: NonZeroUsize::new(usize::try_from(number(words, 4, "threads")?)?)
            .ok_or("no threads")?,
        uuid: [0; 16],
        build_time_s: 0,
        label: String::new(),
    };
    let cache: Box<dyn ClusterCache> = match words.get(6) {
        Some(directory) => Box::new(Cache(PathBuf::from(directory))),
        None => Box::new(NoCache),
    };
    let (tree, files) = directory::read(Path::new(word(words, 0, "directory")?))?;
    let mut out = File::create(word(words, 5, "image")?)?;
    let (start, cpu) = (Instant::now(), measure::cpu_seconds("self"));
    let layout = formats::erofs::write(&tree, &files, cache.as_ref(), &mut out, &options)?;
    let (seconds, cpu) = (start.elapsed().as_secs_f64(), measure::cpu_seconds("self") - cpu);
    let (len, cached, units) = (layout.len_bytes, layout.units_cached, layout.units);
    println!("{seconds:.3} {cpu:.2} {len} {cached}/{units}");
    Ok(())
}

/// One line of the table.
struct Row {
    name: &'static str,
    seconds: f64,
    cpu_s: f64,
    bytes: f64,
    peak_kib: u64,
}

impl Row {
    fn print(&self, peer: &Self) {
        let ratio = |of: fn(&Self) -> f64| of(self) / of(peer);
        println!(
            "{:<26} {:>8.2} s {:>6.2} × {:>8.2} s {:>6.2} × {:>8.2} MB {:>6.3} × {:>5} MiB",
            self.name,
            self.seconds,
            ratio(|row| row.seconds),
            self.cpu_s,
            ratio(|row| row.cpu_s),
            self.bytes / 1e6,
            ratio(|row| row.bytes),
            self.peak_kib >> 10,
        );
    }
}

fn ours(
    name: &'static str,
    words: &[String],
    pack_kib: &str,
) -> Result<Row, Box<dyn std::error::Error>> {
    let image = std::env::temp_dir().join(format!("bench-erofs-{}", std::process::id()));
    let image = image.to_str().ok_or("no place for the image")?;
    let program = std::env::current_exe()?;
    let program = program.to_str().ok_or("no name")?;
    let [tree, level, cluster, threads, ..] = words else { return Err("too few words".into()) };
    let arguments = ["erofs-write", tree, level, cluster, pack_kib, threads, image];
    let taken = measure::run(program, &arguments)?;
    fs::remove_file(image)?;
    let mut figures = taken.stdout.split_whitespace();
    let mut figure = || figures.next().and_then(|text| text.parse::<f64>().ok()).ok_or("no figure");
    let (seconds, cpu_s, bytes) = (figure()?, figure()?, figure()?);
    Ok(Row { name, seconds, cpu_s, bytes, peak_kib: taken.peak_kib })
}

/// Runs the reference tool: its own words come first, so that it may be inside a chroot, where
/// the tree and the image are under the same names as outside or given by `TREE=` and `IMAGE=`.
fn theirs(words: &[String]) -> Result<Row, Box<dyn std::error::Error>> {
    let [tree, level, cluster, threads, mkfs, rest @ ..] = words else {
        return Err("too few words".into());
    };
    let given = |name: &str| rest.iter().find_map(|word| word.strip_prefix(name));
    let (tree, image) = (given("TREE=").unwrap_or(tree), given("IMAGE=").unwrap_or("/tmp/e.img"));
    let seen = given("SEEN=").unwrap_or(image);
    let codec = match codec(level)? {
        Codec::None => String::new(),
        Codec::Lz4 => "-zlz4".to_owned(),
        Codec::Zstd { level } => format!("-zzstd,{level}"),
    };
    let cluster = format!("-C{}", cluster.parse::<u64>()? << 10);
    let workers = format!("--workers={threads}");
    let own = rest.iter().map(String::as_str).filter(|word| !word.contains('='));
    let mut arguments: Vec<&str> = own.collect();
    if !codec.is_empty() {
        arguments.extend([codec.as_str(), &cluster]);
    }
    let fixed = [&workers, "-T0", "--all-root", "-x-1", "--quiet", image, tree];
    arguments.extend(fixed);
    let taken = measure::run(mkfs, &arguments)?;
    let bytes = fs::metadata(seen)?.len();
    fs::remove_file(seen)?;
    let bytes = u32::try_from(bytes >> 10).map_err(io::Error::other)?;
    Ok(Row {
        name: "mkfs.erofs",
        seconds: taken.time.as_secs_f64(),
        cpu_s: taken.cpu_s,
        bytes: f64::from(bytes) * 1024.0,
        peak_kib: taken.peak_kib,
    })
}

/// Compares, and prints a table.
pub(crate) fn compare(words: &[String]) -> Outcome {
    let plain = ours("ours, file by file", words, "0")?;
    let packed = ours("ours, small files packed", words, "512")?;
    let peer = theirs(words)?;
    println!("{:<26} {:>10} {:>19} {:>20} {:>18}", "", "time", "processor", "size", "memory");
    for row in [&peer, &plain, &packed] {
        row.print(&peer);
    }
    Ok(())
}
