// A file in which a daemon has left its number, such as /run/nginx.pid. See daemon(7).
//
//     812

package import Bytes

package enum PIDFile {
    /// The number in the first line; what a daemon has written behind it is its own business.
    package static func parse(_ text: inout ByteCursor) throws(ParseError) -> UInt32 {
        text.skipSpaces()
        guard let number = text.unsigned(), let process = UInt32(exactly: number), process > 0 else {
            throw text.error("the number of a process")
        }
        return process
    }
}
