//! Packages made for tests: whole ones, and ones broken in any way.
//!
//! The writer checks nothing, so that a test can say exactly which bytes it wants refused. It is
//! here for tests only and no part of what is built.

use std::io::Write;

use crate::compression::Compression;

/// A tar stream being put together.
#[derive(Debug, Clone, Default)]
pub struct Tar(Vec<u8>);

/// The fields of a header, with what most entries have.
#[derive(Debug, Clone)]
pub struct Header<'a> {
    /// The letter of its kind.
    pub kind: u8,
    /// Up to 100 bytes.
    pub name: &'a [u8],
    /// Up to 100 bytes.
    pub target: &'a [u8],
    /// Permission bits.
    pub mode: u32,
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// The length of the content, true or not.
    pub size: u64,
    /// Seconds since 1970.
    pub mtime: u64,
    /// Device numbers.
    pub device: (u32, u32),
}

impl Default for Header<'_> {
    fn default() -> Self {
        let (name, target): (&[u8], &[u8]) = (b"./file", b"");
        let (mode, device) = (0o644, (0, 0));
        Self { kind: b'0', name, target, mode, uid: 0, gid: 0, size: 0, mtime: 0, device }
    }
}

impl Header<'_> {
    /// The block of 512 bytes, with its sum.
    #[must_use]
    pub fn block(&self) -> Vec<u8> {
        let mut block = vec![0; 512];
        let mut put = |at: usize, bytes: &[u8]| {
            block.splice(at..at + bytes.len(), bytes.iter().copied());
        };
        put(0, self.name);
        put(100, format!("{:07o}", self.mode).as_bytes());
        put(108, format!("{:07o}", self.uid).as_bytes());
        put(116, format!("{:07o}", self.gid).as_bytes());
        let size = if self.size < 1 << 33 {
            format!("{:011o}", self.size).into_bytes()
        } else {
            [&[0x80, 0, 0, 0], self.size.to_be_bytes().as_slice()].concat()
        };
        put(124, &size);
        put(136, format!("{:011o}", self.mtime).as_bytes());
        put(148, b"        ");
        put(156, &[self.kind]);
        put(157, self.target);
        put(257, b"ustar  \0root");
        put(297, b"root");
        put(329, format!("{:07o}", self.device.0).as_bytes());
        put(337, format!("{:07o}", self.device.1).as_bytes());
        let sum: u32 = block.iter().copied().map(u32::from).sum();
        block.splice(148..155, format!("{sum:06o}\0").into_bytes());
        block
    }
}

impl Tar {
    /// A tar of nothing but the root directory.
    #[must_use]
    pub fn new() -> Self {
        Self::default().directory("./")
    }

    /// Adds an entry, its content padded to a block.
    #[must_use]
    pub fn entry(self, header: &Header<'_>, content: &[u8]) -> Self {
        let padding = content.len().next_multiple_of(512) - content.len();
        self.raw(&header.block()).raw(content).raw(&vec![0; padding])
    }

    /// Adds these bytes.
    #[must_use]
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Adds a directory, mode 0755.
    #[must_use]
    pub fn directory(self, name: &str) -> Self {
        let name = name.as_bytes();
        self.entry(&Header { kind: b'5', name, mode: 0o755, ..Header::default() }, b"")
    }

    /// Adds a file.
    #[must_use]
    pub fn file(self, name: &str, mode: u32, content: &[u8]) -> Self {
        let (name, size) = (name.as_bytes(), u64::try_from(content.len()).unwrap_or(0));
        self.entry(&Header { name, mode, size, ..Header::default() }, content)
    }

    /// Adds a symbolic link.
    #[must_use]
    pub fn symlink(self, name: &str, target: &str) -> Self {
        let (name, target) = (name.as_bytes(), target.as_bytes());
        self.entry(&Header { kind: b'2', name, target, mode: 0o777, ..Header::default() }, b"")
    }

    /// Adds a hard link.
    #[must_use]
    pub fn hardlink(self, name: &str, target: &str) -> Self {
        let (name, target) = (name.as_bytes(), target.as_bytes());
        self.entry(&Header { kind: b'1', name, target, ..Header::default() }, b"")
    }

    /// Adds a pax header of these records for the next entry.
    #[must_use]
    pub fn pax(self, records: &[(&str, &[u8])]) -> Self {
        let mut content = Vec::new();
        for (keyword, value) in records {
            let rest = keyword.len() + value.len() + 3;
            let digits = (1..20).find(|digits| (rest + digits).to_string().len() == *digits);
            content.extend((rest + digits.unwrap_or(1)).to_string().into_bytes());
            content.extend([b" ", keyword.as_bytes(), b"=", value, b"\n"].concat());
        }
        let size = u64::try_from(content.len()).unwrap_or(0);
        self.entry(&Header { kind: b'x', name: b"pax", size, ..Header::default() }, &content)
    }

    /// Adds GNU's entry for a long name (`L`) or target (`K`) of the next entry.
    #[must_use]
    pub fn long(self, kind: u8, name: &str) -> Self {
        let content = format!("{name}\0");
        let size = u64::try_from(content.len()).unwrap_or(0);
        let header = Header { kind, name: b"././@LongLink", size, ..Header::default() };
        self.entry(&header, content.as_bytes())
    }

    /// The stream, ended as it should be.
    #[must_use]
    pub fn end(self) -> Vec<u8> {
        self.raw(&[0; 1024]).0
    }

    /// The stream without an end.
    #[must_use]
    pub fn open_end(self) -> Vec<u8> {
        self.0
    }
}

/// An `ar` archive of these members.
#[must_use]
pub fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = b"!<arch>\n".to_vec();
    for (name, content) in members {
        let numbers = format!("{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 100_644, content.len());
        archive.extend(format!("{name:<16}{numbers}").into_bytes());
        archive.extend_from_slice(content);
        archive.extend((content.len() % 2 == 1).then_some(b'\n'));
    }
    archive
}

/// These bytes, compressed. Empty if the encoder refuses.
#[must_use]
pub fn compressed(kind: Compression, bytes: &[u8]) -> Vec<u8> {
    let gzip = |bytes| {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(bytes).and_then(|()| gzip.finish())
    };
    match kind {
        Compression::None => Ok(bytes.to_vec()),
        Compression::Gzip => gzip(bytes),
        Compression::Xz => liblzma::encode_all(bytes, 1),
        Compression::Zstd => zstd::encode_all(bytes, 1),
    }
    .unwrap_or_default()
}

/// The control half for a package of these fields: a compressed tar. Further files follow
/// `control`.
#[must_use]
pub fn control(fields: &str, files: &[(&str, &[u8])]) -> Vec<u8> {
    let tar = Tar::new().file("./control", 0o644, fields.as_bytes());
    let add =
        |tar: Tar, (name, content): &(&str, &[u8])| tar.file(&format!("./{name}"), 0o755, content);
    compressed(Compression::Xz, &files.iter().fold(tar, add).end())
}

/// A package of these two halves, both compressed with xz.
#[must_use]
pub fn deb(control: &[u8], data: &[u8]) -> Vec<u8> {
    ar(&[("debian-binary", b"2.0\n"), ("control.tar.xz", control), ("data.tar.xz", data)])
}

/// A whole package of that name, version `1.0-1`, architecture `all`, with this content.
#[must_use]
pub fn package(name: &str, data: Tar) -> Vec<u8> {
    let fields = format!("Package: {name}\nVersion: 1.0-1\nArchitecture: all\n");
    deb(&control(&fields, &[]), &compressed(Compression::Xz, &data.end()))
}
