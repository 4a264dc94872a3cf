// What a process runs and where it belongs: /proc/<pid>/cmdline and /proc/<pid>/cgroup. See proc_pid_cmdline(5) and
// cgroups(7).
//
//     /usr/sbin/sshd\0-D\0
//     1:name=systemd:/system.slice/ssh.service
//     0::/system.slice/ssh.service

package import Bytes

package enum CommandLine {
    /// The arguments with spaces between them; empty for kernel threads and zombies. A process may write there what it
    /// does (`postgres: checkpointer`), with any bytes after it.
    package static func parse(_ text: inout ByteCursor, into line: inout [UInt8]) {
        line.removeAll(keepingCapacity: true)
        line.append(contentsOf: text.bytes[text.index..<text.end])
        while let last = line.last, last <= UInt8(ascii: " ") { line.removeLast() }
        for index in line.indices where line[index] == 0 { line[index] = UInt8(ascii: " ") }
    }
}

package enum ProcessCgroup {
    /// The path in the hierarchy that systemd uses. That is the one of version 2, unless the process is at its root, as
    /// all are where systemd has a hierarchy of its own: a host may have both, and a container on it use the other.
    /// Empty when the process is in neither.
    package static func parse(_ text: inout ByteCursor, into path: inout [UInt8]) throws(ParseError) {
        path.removeAll(keepingCapacity: true)
        var bestRank = 0
        while !text.isAtEnd {
            text.row { text throws(ParseError) in
                guard let hierarchy = text.upTo(UInt8(ascii: ":")), let controllers = text.upTo(UInt8(ascii: ":"))
                else { throw text.error("<hierarchy>:<controllers>:<path>") }
                let found = text.restOfLine()
                let rank =
                    if text.has(hierarchy, "0") {
                        text.has(found, "/") ? 1 : 3
                    } else {
                        text.has(controllers, "name=systemd") ? 2 : 0
                    }
                if rank > bestRank {
                    bestRank = rank
                    path.removeAll(keepingCapacity: true)
                    path.append(contentsOf: text.bytes[found])
                }
            }
        }
    }

    /// Whether `unit` is a part of the path: a slice has all that is in its services.
    package static func isIn(_ unit: [UInt8], _ path: [UInt8]) -> Bool {
        let slash = UInt8(ascii: "/")
        var start = 0
        while start < path.count {
            let end = path[start...].firstIndex(of: slash) ?? path.count
            if path[start..<end].elementsEqual(unit) { return true }
            start = end + 1
        }
        return false
    }

    /// The name of a unit as systemctl understands it: `ssh` is `ssh.service`.
    package static func unitName(_ text: String) -> [UInt8] {
        Array((text.isEmpty || text.utf8.contains(UInt8(ascii: ".")) ? text : "\(text).service").utf8)
    }
}
