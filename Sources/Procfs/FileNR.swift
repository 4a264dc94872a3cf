// /proc/sys/fs/file-nr: open files of the whole machine. See Documentation/admin-guide/sysctl/fs.rst.
//
//     1579 0 2466183

package import Bytes

package struct FileNR: Equatable, Sendable {
    package var allocated: UInt64
    /// Since Linux 2.6 the kernel frees them at once, and this is 0.
    package var unused: UInt64
    package var maximum: UInt64

    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> FileNR {
        FileNR(allocated: try column(&text), unused: try column(&text), maximum: try column(&text))
    }

    private static func column(_ text: inout ByteCursor) throws(ParseError) -> UInt64 {
        try text.column("<allocated> <unused> <maximum>")
    }
}
