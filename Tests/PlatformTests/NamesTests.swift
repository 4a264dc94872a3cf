import Bytes
import Glibc
import Platform
import TestSupport
import Testing

/// Names that are not UTF-8, and names that Unicode takes for the same: each is a file of its own.
@Suite struct NamesTests {
    static let latin1 = Path([0x63, 0x61, 0x66, 0xE9])
    static let composed = Path([0x63, 0x61, 0x66, 0xC3, 0xA9])
    static let decomposed = Path([0x63, 0x61, 0x66, 0x65, 0xCC, 0x81])
    /// What a repair of `latin1` would be called.
    static let repaired = Path([0x63, 0x61, 0x66, 0xEF, 0xBF, 0xBD])
    static let names = [latin1, composed, decomposed, repaired]

    private let own: TemporaryDirectory
    private var directory: Path { Path(own.path) }

    init() throws {
        own = try TemporaryDirectory()
        for name in Self.names { try make(Path(own.path) / name) }
    }

    private func make(_ path: Path) throws {
        let descriptor = path.withCString { open($0, O_WRONLY | O_CREAT, 0o644) }
        try File(owning: try #require(descriptor >= 0 ? descriptor : nil)).write(Array(path.name.bytes))
    }

    @Test func aListingHasEachNameInTheOrderOfItsBytes() throws {
        #expect(
            try directoryEntries(directory) == [Self.decomposed, Self.composed, Self.latin1, Self.repaired].sorted())
        let kept = KeptDirectory(directory)
        #expect(try kept.refresh())
        #expect(kept.names == Self.names.sorted())
    }

    @Test func whatIsListedCanBeReadAndAskedAndRemoved() throws {
        for name in try directoryEntries(directory) {
            let path = directory / name
            #expect(try readWhole(path) == Array(name.bytes))
            #expect(try FileStatus(of: path).sizeBytes == UInt64(name.bytes.count))
            #expect(try FileStatus(ofLink: path).kind == .regular)
            try renameFile(path, to: directory / "aside")
            try removeFile(directory / "aside")
        }
        #expect(try directoryEntries(directory).isEmpty)
    }

    @Test func aGlobFindsThemInDirectoriesOfSuchNames() throws {
        for name in Self.names {
            let inner = directory / Path(Array("in-".utf8) + name.bytes)
            try makeDirectories(inner)
            try make(inner / Self.latin1)
            try tryDirectory(inner / "new")
        }
        let flat = FileFinder([try Glob("\(own.path)/caf*")])
        #expect(flat.paths.map(\.name).sorted() == Self.names.sorted())
        for pattern in ["in-caf*/caf*", "**/caf?"] {
            let deep = FileFinder([try Glob("\(own.path)/\(pattern)")])
            #expect(deep.paths.filter { $0.directory != directory }.count == 4)
            #expect(Set(deep.paths.compactMap { $0.directory }).isSubset(of: deep.directories.keys))
            #expect(deep.errors.isEmpty)
        }
        let below = FileFinder(
            [try Glob("\(own.path)/*/*")], below: directory / Path([0x69, 0x6E, 0x2D] + Self.latin1.bytes))
        #expect(below.paths.count == 1)
    }

    @Test func inotifySaysTheName() throws {
        let inner = directory / "in"
        try makeDirectories(inner)
        let inotify = try INotify()
        _ = try inotify.watch(inner, .contents)
        for name in Self.names { try make(inner / name) }
        var poll = pollfd(fd: inotify.descriptor, events: Int16(POLLIN), revents: 0)
        #expect(Glibc.poll(&poll, 1, 5_000) == 1)
        #expect(Set(try inotify.events().map(\.name)) == Set(Self.names))
    }

    @Test func aLinkLeadsToTheBytes() throws {
        let (link, target) = (directory / "link", directory / Self.latin1)
        #expect(target.withCString { target in link.withCString { symlink(target, $0) } } == 0)
        #expect(try realPath(link).name == Self.latin1)
        #expect(throws: Errno(code: ELOOP)) { _ = try File(reading: link, followsLink: false) }
    }
}
