// Directories that cannot be watched, and what is said of them: once for all that have the same reason.

internal import Bytes
internal import Platform

struct WatchFaults {
    private var directories: [Path: Errno] = [:]
    /// The reasons, as far as they were said.
    private(set) var told: Set<Errno> = []

    var isEmpty: Bool { directories.isEmpty }

    /// False when it was known.
    mutating func add(_ directory: Path, _ error: Errno) -> Bool {
        directories.updateValue(error, forKey: directory) == nil
    }

    mutating func remove(_ directory: Path) { if !directories.isEmpty { directories[directory] = nil } }

    mutating func keep(_ isWanted: (Path) -> Bool) { directories = directories.filter { isWanted($0.key) } }

    /// By the reason: how many, and the first of them.
    var byReason: [(reason: Errno, count: Int, first: Path)] {
        Dictionary(grouping: directories, by: \.value).compactMap { reason, directories in
            directories.map(\.key).min().map { (reason, directories.count, $0) }
        }.sorted { $0.first < $1.first }
    }

    mutating func tell(_ log: AgentLog) {
        let now = byReason
        for (reason, count, first) in now where told.insert(reason).inserted {
            log.warning(
                "directories cannot be watched: they are looked at every second instead",
                ["directories": "\(count)", "first": first.repaired, "reason": watchFault(reason)])
        }
        for reason in told where !now.contains(where: { $0.reason == reason }) {
            told.remove(reason)
            log.info("directories can be watched again", ["reason_before": watchFault(reason)])
        }
    }
}

/// Why a directory cannot be watched, with the limit that a person may raise. See inotify(7).
func watchFault(_ errno: Errno) -> String {
    switch errno {
    case .noSpace: "the limit fs.inotify.max_user_watches is reached (sysctl)"
    default: errno.description
    }
}

/// The same for inotify itself, where one number stands for two limits.
func inotifyInstanceFault(_ errno: Errno) -> String {
    errno == .processFileLimit
        ? "the limit fs.inotify.max_user_instances (sysctl) is reached, or that of open files" : errno.description
}
