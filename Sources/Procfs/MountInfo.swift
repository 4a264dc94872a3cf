// /proc/<pid>/mountinfo: what is mounted where, as that process sees it.
//
//     27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
//     41 23 0:38 / /mnt/with\040space ro,nosuid shared:5 master:1 - nfs4 server:/export rw,vers=4.2
//
// Mount and parent number, device, the part of the file system that is mounted, where, options of this mount, any
// number of optional fields up to a dash, type, source, options of the file system. See proc_pid_mountinfo(5) and
// Documentation/filesystems/proc.rst, section 3.5.

package import Bytes

/// One line of mountinfo, with the escapes undone.
package struct Mount: Sendable, Equatable {
    package var number: UInt64
    /// The number of the mount that it is mounted on; a number that is not in the file for the first of all.
    package var parent: UInt64
    package var major: UInt64
    package var minor: UInt64
    package var mountPoint: Path
    package var fsType: String
    /// The source: `/dev/vda`, `server:/export`, or a word that means nothing.
    package var device: String
    /// The mount, or the file system as a whole, takes no writes.
    package var isReadOnly: Bool
    /// `addr=` in the options of an NFS mount, empty for others.
    package var serverAddress = ""

    package init(
        number: UInt64, parent: UInt64, major: UInt64, minor: UInt64, mountPoint: Path, fsType: String,
        device: String, isReadOnly: Bool
    ) {
        self.number = number
        self.parent = parent
        self.major = major
        self.minor = minor
        self.mountPoint = mountPoint
        self.fsType = fsType
        self.device = device
        self.isReadOnly = isReadOnly
    }

    /// All mounts in the order of the file, which is that of mounting.
    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> [Mount] {
        var mounts: [Mount] = []
        while !text.isAtEnd {
            text.row { text throws(ParseError) in mounts.append(try line(&text)) }
        }
        return mounts
    }

    private static func line(_ text: inout ByteCursor) throws(ParseError) -> Mount {
        guard let number = text.unsigned(), text.skip(" "), let parent = text.unsigned(), text.skip(" ") else {
            throw text.error("<mount number> <parent's number>")
        }
        guard let major = text.unsigned(), text.skip(":"), let minor = text.unsigned(), text.skip(" ") else {
            throw text.error("<major>:<minor>")
        }
        // A file system that names its own root may name nothing: two spaces stand there then.
        _ = text.word()
        guard text.skip(" ") else { throw text.error("the root of the mount") }
        let mountPoint = text.word()
        guard !mountPoint.isEmpty, text.skip(" ") else { throw text.error("the mount point") }
        let options = text.word()
        guard text.bytes[options].first != UInt8(ascii: "/") else { throw text.error("the options of the mount") }
        while text.skip(" ") {
            if text.skip("- ") {
                let fsType = text.word()
                guard !fsType.isEmpty, text.skip(" ") else { break }
                // A source may be empty: two spaces stand then where it would be.
                let device = text.word()
                guard text.skip(" ") else { break }
                let superOptions = text.restOfLine()
                guard !text.isAtEnd else { throw text.error("the end of the line") }
                var mount = Mount(
                    number: number, parent: parent, major: major, minor: minor,
                    mountPoint: unescapedPath(text, mountPoint), fsType: unescaped(text, fsType),
                    device: unescaped(text, device),
                    isReadOnly: hasReadOnly(text, options) || hasReadOnly(text, superOptions))
                if mount.isNFS { mount.serverAddress = serverAddress(text, superOptions) }
                return mount
            }
            _ = text.word()
        }
        throw text.error("- <type> <source> <options>")
    }

    /// Whether one of the words between the commas says so: `ro`, or `emergency_ro`, which ext4 has since Linux 6.15
    /// after an error (ext4_show_options in fs/ext4/super.c), while `rw` stays before it.
    private static func hasReadOnly(_ text: ByteCursor, _ options: Range<Int>) -> Bool {
        text.bytes[options].split(separator: UInt8(ascii: ",")).contains {
            $0.elementsEqual("ro".utf8) || $0.elementsEqual("emergency_ro".utf8)
        }
    }

    package var isNFS: Bool { fsType == "nfs" || fsType == "nfs4" }

    private static func serverAddress(_ text: ByteCursor, _ options: Range<Int>) -> String {
        let name = "addr=".utf8
        let option = text.bytes[options].split(separator: UInt8(ascii: ",")).first { $0.starts(with: name) }
        return option.map { String(decoding: $0.dropFirst(name.count), as: UTF8.self) } ?? ""
    }

    /// Space, tab, newline, backslash and # stand as a backslash and three octal digits (`mangle` in
    /// fs/proc_namespace.c).
    static func unescaped(_ text: ByteCursor, _ range: Range<Int>) -> String {
        String(decoding: unescapedBytes(text, range), as: UTF8.self)
    }

    static func unescapedPath(_ text: ByteCursor, _ range: Range<Int>) -> Path { Path(unescapedBytes(text, range)) }

    private static func unescapedBytes(_ text: ByteCursor, _ range: Range<Int>) -> ArraySlice<UInt8> {
        guard text.bytes[range].contains(UInt8(ascii: "\\")) else { return text.bytes[range] }
        var plain: [UInt8] = []
        var index = range.lowerBound
        while index < range.upperBound {
            let byte = text.bytes[index]
            if byte == UInt8(ascii: "\\"), index + 3 < range.upperBound,
                let value = octal(text.bytes[index + 1...index + 3])
            {
                plain.append(value)
                index += 4
            } else {
                plain.append(byte)
                index += 1
            }
        }
        return plain[...]
    }

    private static func octal(_ digits: ArraySlice<UInt8>) -> UInt8? {
        var value = 0
        for digit in digits {
            guard digit &- UInt8(ascii: "0") < 8 else { return nil }
            value = value * 8 + Int(digit - UInt8(ascii: "0"))
        }
        return UInt8(exactly: value)
    }
}
