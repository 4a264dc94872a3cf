// The mounts of the host and how full they are, for the node_* and the CloudWatch vocabulary.

internal import Bytes
package import Platform
package import Procfs

/// Reads mountinfo and asks the mounts that are wanted, never waiting for one that hangs.
package final class MountSpaces {
    package enum Answer: Sendable, Equatable {
        case space(FileSystemSpace)
        case failed(Errno)
        /// It has not answered in time, now or in an earlier round.
        case late
    }

    private let host: Host
    private let patience: Duration
    private let ask: @Sendable (String) -> Answer
    private let relay = Relay<String, Answer>("mounts")
    private let files: [KernelFile]
    /// Mounts change rarely: the text of the last reading, and what was wanted of it.
    private var text: [UInt8] = []
    private var wanted: [Mount] = []

    package init(
        host: Host, patience: Duration, asking ask: @escaping @Sendable (String) -> Answer = MountSpaces.ask
    ) {
        self.host = host
        self.patience = patience
        self.ask = ask
        // What the agent itself sees may be less than what the host has: a sandbox hides mounts.
        files = ["1", "self"].map { KernelFile("\(host.proc)/\($0)/mountinfo") }
    }

    package static func ask(_ path: String) -> Answer {
        do throws(Errno) { return .space(try FileSystemSpace(of: path)) } catch { return .failed(error) }
    }

    /// `isWanted` must not change its mind: it is asked again only when mounts have changed.
    package func read(
        where isWanted: (Mount) -> Bool
    ) throws(CollectError) -> [(mount: Mount, answer: Answer)] {
        try readMounts(where: isWanted)
        let paths = wanted.map { host.root == "/" ? $0.mountPoint : host.root + $0.mountPoint }
        let outcomes = relay.run(paths, until: .now + patience, ask)
        return zip(wanted, outcomes).map { mount, outcome in
            switch outcome {
            case .finished(let answer, _): (mount, answer)
            case .late, .stillLate: (mount, .late)
            }
        }
    }

    private func readMounts(where isWanted: (Mount) -> Bool) throws(CollectError) {
        var refusal: KernelFileError?
        for file in files {
            do throws(KernelFileError) {
                let mounts = try file.read { cursor throws(ParseError) -> [Mount]? in
                    let text = cursor.bytes[..<cursor.end]
                    guard text != self.text[...] else { return nil }
                    let mounts = try Mount.parse(&cursor)
                    self.text = Array(cursor.bytes[..<cursor.end])
                    return mounts
                }
                guard let mounts else { continue }
                if let mounts { wanted = Self.topmost(mounts, below: host.root).filter(isWanted) }
                return
            } catch {
                // Another's mounts may not be readable where process 1 is not ours to look at.
                guard case .unreadable = error else { throw CollectError(error) }
                refusal = error
            }
        }
        if let refusal { throw CollectError(refusal) }
        throw .absent("no mountinfo in \(host.proc)")
    }

    /// The mounts that can be reached, with mount points as the host has them: where several are mounted, the last
    /// lies on top.
    static func topmost(_ mounts: [Mount], below root: String) -> [Mount] {
        var indexes: [String: Int] = [:]
        var kept: [Mount?] = []
        for var mount in mounts {
            mount.mountPoint = without(root, mount.mountPoint)
            if let hidden = indexes.updateValue(kept.count, forKey: mount.mountPoint) { kept[hidden] = nil }
            kept.append(mount)
        }
        return kept.compactMap { $0 }
    }

    private static func without(_ root: String, _ path: String) -> String {
        guard root != "/", path.hasPrefix(root) else { return path }
        let rest = path.dropFirst(root.count)
        if rest.isEmpty { return "/" }
        return rest.hasPrefix("/") ? String(rest) : path
    }
}
