// How full a file system is. See statfs(2).

package import Bytes
internal import CLinux

/// What statfs(2) says of the file system at a path.
package struct FileSystemSpace: Sendable, Equatable {
    package var totalBytes: UInt64
    package var freeBytes: UInt64
    /// What is left for users without privileges: less than free by what is kept for root.
    package var availableBytes: UInt64
    /// 0 where inodes are made as they are needed (btrfs).
    package var inodes: UInt64
    package var freeInodes: UInt64

    package init(
        totalBytes: UInt64, freeBytes: UInt64, availableBytes: UInt64, inodes: UInt64, freeInodes: UInt64
    ) {
        self.totalBytes = totalBytes
        self.freeBytes = freeBytes
        self.availableBytes = availableBytes
        self.inodes = inodes
        self.freeInodes = freeInodes
    }

    /// Asks the kernel, which asks the file system: on a dead network mount this never returns.
    package init(of path: Path) throws(Errno) {
        var raw = statfs()
        try retryingOnInterrupt { unsafe Int(path.withCString { unsafe linux_statfs($0, &raw) }) }
        // FUSE counts in fragments, which need not be blocks; most others leave the fragment at 0.
        let unit = UInt64(clamping: raw.f_frsize > 0 ? raw.f_frsize : raw.f_bsize)
        totalBytes = UInt64(raw.f_blocks) &* unit
        freeBytes = UInt64(raw.f_bfree) &* unit
        availableBytes = UInt64(raw.f_bavail) &* unit
        inodes = UInt64(raw.f_files)
        freeInodes = UInt64(raw.f_ffree)
    }
}
