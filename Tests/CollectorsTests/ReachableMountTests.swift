// Mounts that lie under others: they stand in mountinfo, and no path leads to them.

import Bytes
import Procfs
import Testing

@testable import Collectors

@Suite struct ReachableMountTests {
    /// `number parent place`, as the first words of mountinfo.
    private func reachable(_ lines: String...) throws -> [UInt64] {
        let text = lines.map { line in
            let words = line.split(separator: " ")
            return "\(words[0]) \(words[1]) 8:1 / \(words[2]) rw - ext4 /dev/sda1 rw\n"
        }
        var cursor = ByteCursor(text.joined())
        return MountSpaces.reachable(try Mount.parse(&cursor)).map(\.number)
    }

    @Test func aPlainTreeIsReachable() throws {
        #expect(try reachable("22 28 /proc", "28 1 /", "30 28 /a", "31 30 /a/b", "32 28 /ab") == [22, 28, 30, 31, 32])
        #expect(try reachable() == [])
    }

    @Test func whatIsMountedOverIsNot() throws {
        #expect(try reachable("28 1 /", "30 28 /a", "31 30 /a") == [28, 31])
        #expect(try reachable("28 1 /", "30 28 /a", "31 30 /a/b", "32 30 /a") == [28, 32], "with all that is on it")
        #expect(try reachable("28 1 /", "30 28 /a/b/c", "31 28 /a") == [28, 31], "a directory above it was covered")
        #expect(try reachable("28 1 /", "30 28 /a", "31 30 /a", "32 31 /a/b") == [28, 31, 32])
    }

    /// An initramfs mounts /proc, then the root, and moves the first onto the second.
    @Test func theRootMayBeYoungerThanWhatIsOnIt() throws {
        #expect(try reachable("1 1 /", "22 27 /proc", "23 27 /sys", "27 1 /") == [22, 23, 27])
    }

    /// In a chroot the first mounts are on some that are not listed.
    @Test func thereMayBeSeveralFirstMounts() throws {
        #expect(try reachable("40 7 /a", "41 8 /b", "42 41 /b/c") == [40, 41, 42])
    }
}
