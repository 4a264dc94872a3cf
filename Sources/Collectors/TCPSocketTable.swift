// TCP sockets by state, for the node_* and the CloudWatch vocabulary.

internal import Bytes
internal import Platform
internal import Procfs

/// Asks the kernel by netlink for its own network namespace; for a host whose /proc is elsewhere, and where netlink is
/// not to be had, reads the two files, which takes longer.
final class TCPSocketTable {
    private let client: NetlinkClient?
    private let requests = [TCPSockets.request(addressFamily: 2), TCPSockets.request(addressFamily: 10)]  // AF_INET, 6
    private let files: [KernelFile]

    /// `usesFiles` is false for who wants the kernel's own namespace and nothing else.
    init(host: Host, usesFiles: Bool = true) {
        client = !usesFiles || host.proc == "/proc" ? NetlinkClient(.socketDiagnosis) : nil
        files = usesFiles ? ["tcp", "tcp6"].map { KernelFile("\(host.proc)/net/\($0)") } : []
    }

    func read() throws(CollectError) -> TCPSockets {
        guard let client else { return try readFiles() }
        do throws(CollectError) { return try ask(client) } catch {
            guard !files.isEmpty else { throw error }
            return try readFiles()
        }
    }

    private func readFiles() throws(CollectError) -> TCPSockets {
        var all = TCPSockets()
        var answers = 0
        for file in files {
            // A kernel without IPv6.
            guard let sockets = try file.valueIfThere(TCPSockets.parse) else { continue }
            answers += 1
            all = all + sockets
        }
        guard answers > 0 else { throw .absent("this kernel has no \(files.first?.path ?? "")") }
        return all
    }

    private func ask(_ client: NetlinkClient) throws(CollectError) -> TCPSockets {
        var all = TCPSockets()
        var answers = 0
        for request in requests {
            var sockets = TCPSockets()
            do throws(NetlinkFailure) {
                try client.ask(request, begin: { sockets.removeAll() }) {
                    bytes, count, sequence throws(NetlinkError) in
                    try sockets.count(bytes, count: count, sequence: sequence)
                }
            } catch {
                // A kernel without IPv6, or without tcp_diag.
                guard error.isAbsence else { throw CollectError(error) }
                continue
            }
            answers += 1
            all = all + sockets
        }
        guard answers > 0 else { throw .absent("this kernel has no tcp_diag") }
        return all
    }
}
