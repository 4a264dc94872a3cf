// Opening files of a host whose root directory is mounted somewhere else, as `host.root` in the settings says.
//
// Links on such a host are meant for its own root: /etc/os-release of many distributions leads to
// /nix/store/… or /run/…, and followed by a plain open(2) it would lead to this container's own files, or nowhere.
// openat2(2) with RESOLVE_IN_ROOT (Linux 5.6) resolves them inside. Older kernels do not have it (ENOSYS), and seccomp
// filters refuse it (EPERM or ENOSYS), since they cannot look at its flags: systemd's RestrictSUIDSGID= does, which
// vitals.service has, and so do containers of older engines. There the path is walked part by part.

package import Bytes
internal import CLinux
internal import Glibc

extension File {
    /// As open(2) itself allows on one path (MAXSYMLINKS in include/linux/namei.h).
    private static let linkLimit = 40
    private static let readingFlags = O_RDONLY | O_NONBLOCK | O_NOCTTY

    /// Opens the file that `path` names when `root` is the root directory: no link and no `..` leads out of it. Like
    /// `init(reading:)` it never waits in the open.
    ///
    /// - Throws: `tooManyLinks` for a loop of links, `notFound` for a link to what is not inside.
    package init(reading path: Path, inside root: String) throws(Errno) {
        if root == "/" {
            try self.init(reading: path)
            return
        }
        let directory = try Self.directory(root)
        let opened = unsafe path.withCString {
            unsafe linux_open_in_root(directory.descriptor, $0, Self.readingFlags)
        }
        if opened >= 0 {
            self.init(owning: opened)
            return
        }
        switch Errno.current {
        // The last one: something was renamed meanwhile, so that the kernel could not say whether `..` leads out.
        case .noSystemCall, .notPermitted, .wouldBlock: try self.init(walking: path, inside: root)
        case let error: throw error
        }
    }

    package init(reading path: String, inside root: String) throws(Errno) {
        try self.init(reading: Path(path), inside: root)
    }

    /// The same without openat2: each part is opened by itself, and links are read here.
    init(walking path: Path, inside root: String) throws(Errno) {
        var parents = [OpenDirectory(try Self.directory(root))]
        var rest = Array(Self.parts(path).reversed())
        var links = 0
        while let part = rest.popLast() {
            if part == "." { continue }
            if part == ".." {
                if parents.count > 1 { parents.removeLast() }
                continue
            }
            let here = parents[parents.count - 1]
            let found = try Self.place(part, in: here)
            let kind = try found.status().kind
            if kind == .symbolicLink {
                links += 1
                guard links <= Self.linkLimit else { throw .tooManyLinks }
                let target = try Self.target(of: found)
                if target.isAbsolute { parents.removeSubrange(1...) }
                rest += Self.parts(target).reversed()
            } else if rest.isEmpty, kind != .directory {
                // Another file may have taken its name meanwhile: a link is not followed.
                try self.init(owning: Self.open(part, in: here, Self.readingFlags | O_NOFOLLOW).taken())
                return
            } else {
                parents.append(OpenDirectory(found))
            }
        }
        try self.init(owning: Self.open(".", in: parents[parents.count - 1], Self.readingFlags).taken())
    }

    /// Where the walk has been: `File` itself cannot stand in an array.
    private final class OpenDirectory {
        let file: File
        init(_ file: consuming File) { self.file = file }
    }

    private static func directory(_ path: String) throws(Errno) -> File {
        let opened = unsafe path.withCString { unsafe linux_open_root($0) }
        guard opened >= 0 else { throw .current }
        return File(owning: opened)
    }

    /// What the name stands for, and a link itself.
    private static func place(_ name: Path, in directory: OpenDirectory) throws(Errno) -> File {
        let descriptor = directory.file.descriptor
        let opened = unsafe name.withCString { unsafe linux_open_place(descriptor, $0) }
        guard opened >= 0 else { throw .current }
        return File(owning: opened)
    }

    private static func open(_ name: Path, in directory: OpenDirectory, _ flags: Int32) throws(Errno) -> File {
        let descriptor = directory.file.descriptor
        let opened = unsafe name.withCString { unsafe linux_open_at(descriptor, $0, flags) }
        guard opened >= 0 else { throw .current }
        return File(owning: opened)
    }

    private static func target(of link: borrowing File) throws(Errno) -> Path {
        var text = [CChar](repeating: 0, count: Int(PATH_MAX))
        let descriptor = link.descriptor
        let count = try retryingOnInterrupt { unsafe readlinkat(descriptor, "", &text, text.count) }
        return Path(text.prefix(count).lazy.map { UInt8(bitPattern: $0) })
    }

    private static func parts(_ path: Path) -> [Path] {
        path.bytes.split(separator: UInt8(ascii: "/")).map { Path($0) }
    }

    /// The descriptor, which the caller closes from now on.
    private consuming func taken() -> Int32 {
        let descriptor = descriptor
        discard self
        return descriptor
    }
}
