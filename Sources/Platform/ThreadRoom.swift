// Whether there is plenty of room for more threads, seen from a few files: to try them costs 2 ms of the start. Where
// the files do not tell, or a limit is near, they are tried.
//
// Limits: RLIMIT_NPROC, of which root of the host is free, for all that the user runs (getrlimit(2)); pids.max of the
// control group and those above it (cgroups(7), Documentation/admin-guide/cgroup-v2.rst); kernel.threads-max and
// kernel.pid_max (proc(5)); the address space, which is asked for by a mapping; vm.max_map_count. A container has
// limits above it that are not seen from within: then nothing is said.

internal import CLinux
internal import Glibc

/// What is in the way of more threads, as far as it can be counted.
struct ThreadRoom: Equatable {
    /// Others start theirs meanwhile: with less than so many to spare, a limit is near.
    static let reserve = 256
    /// A thread has two mappings, its stack and the guard before it; the agent and its libraries have some hundreds.
    static let leastMaps = 8_192

    /// Threads of the whole host: the user of this process has no more than that.
    var tasks: Int
    /// Nil for root.
    var userLimit: Int?
    var threadsMax: Int
    var pidMax: Int
    var mapsMax: Int
    var groups: [TaskLimit]

    /// Whether `count` more threads are far from every limit.
    func holds(_ count: Int) -> Bool {
        let wanted = count + Self.reserve
        // Process groups and sessions keep identifiers besides those of threads.
        return tasks + wanted <= min(userLimit ?? .max, threadsMax) && tasks * 2 + wanted <= pidMax
            && mapsMax >= Self.leastMaps && groups.allSatisfy { $0.current + wanted <= $0.limit }
    }

    /// Nil when something cannot be told.
    init?(proc: String = "/proc", controlGroups: String = "/sys/fs/cgroup", userLimit: Int?) {
        let groups = TaskLimits(proc: proc, controlGroups: controlGroups)
        // `0.20 0.18 0.12 1/80 11206`: the fourth has those that run and those that there are.
        let load = firstLines(of: "\(proc)/loadavg").first?.split(separator: " ") ?? []
        guard groups.areAll, load.count == 5, let slash = load[3].firstIndex(of: "/"),
            let tasks = Int(load[3][load[3].index(after: slash)...]),
            let threadsMax = number(in: "\(proc)/sys/kernel/threads-max"),
            let pidMax = number(in: "\(proc)/sys/kernel/pid_max"),
            let mapsMax = number(in: "\(proc)/sys/vm/max_map_count")
        else { return nil }
        (self.tasks, self.userLimit, self.groups) = (tasks, userLimit, groups.found)
        (self.threadsMax, self.pidMax, self.mapsMax) = (threadsMax, pidMax, mapsMax)
    }
}

/// Whether `count` more threads can be had for sure; false when that must be tried.
func hasRoomForThreads(_ count: Int) -> Bool {
    guard seesTheHost(), let room = ThreadRoom(userLimit: limitOfUser()), room.holds(count) else { return false }
    return linux_has_space_for_threads(Int32(clamping: count)) == 1
}

/// Whether this process is in the host's own namespaces of users, processes and control groups, which the kernel
/// numbers the same everywhere (include/uapi/linux/nsfs.h, `*_INIT_INO`).
private func seesTheHost() -> Bool {
    for (name, inode) in [("user", 0xefff_fffd), ("pid", 0xefff_fffc), ("cgroup", 0xefff_fffb)] as [(String, UInt64)] {
        do throws(Errno) {
            guard try FileStatus(of: "/proc/self/ns/\(name)").id.inode == inode else { return false }
        } catch { return false }
    }
    return true
}

/// RLIMIT_NPROC; nil when there is none, or it does not count, as for root (kernel/fork.c).
private func limitOfUser() -> Int? {
    guard getuid() != 0 else { return nil }
    var limit = rlimit()
    unsafe _ = getrlimit(__rlimit_resource_t(__RLIMIT_NPROC.rawValue), &limit)
    return limit.rlim_cur == rlim_t.max ? nil : Int(clamping: limit.rlim_cur)
}

/// pids.max of one control group.
struct TaskLimit: Equatable {
    let group: String
    let limit: Int
    let current: Int
}

/// Those of the group of this process and of the groups above it, the nearest first.
struct TaskLimits {
    private(set) var found: [TaskLimit] = []
    /// Whether every group could be asked.
    private(set) var areAll = false

    init(proc: String = "/proc", controlGroups: String = "/sys/fs/cgroup") {
        var root: String?
        var group = ""
        for line in firstLines(of: "\(proc)/self/cgroup") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { return }
            if parts[1].split(separator: ",").contains("pids") {
                // Of version 1; then it is nowhere else.
                (root, group) = ("\(controlGroups)/\(parts[1])", String(parts[2]))
                break
            }
            if parts[1].isEmpty { (root, group) = (controlGroups, String(parts[2])) }
        }
        guard let root, group.hasPrefix("/") else { return }
        areAll = Self.isGroup("\(root)\(group)")
        while true {
            ask(group, in: root)
            guard let slash = group.lastIndex(of: "/"), group.count > 1 else { return }
            group = slash == group.startIndex ? "/" : String(group[..<slash])
        }
    }

    private mutating func ask(_ group: String, in root: String) {
        let directory = "\(root)\(group == "/" ? "" : group)"
        let word: Substring
        do throws(Errno) { word = try lines(of: "\(directory)/pids.max").first ?? "" } catch {
            // The group above everything has none, and one where nobody counts.
            if !error.isAbsence { areAll = false }
            return
        }
        guard word != "max" else { return }
        guard let limit = Int(word), let current = number(in: "\(directory)/pids.current") else {
            return areAll = false
        }
        found.append(TaskLimit(group: group, limit: limit, current: current))
    }

    /// Where the groups are mounted elsewhere, or in part, it would seem to have no limits.
    private static func isGroup(_ directory: String) -> Bool {
        do throws(Errno) {
            _ = try FileStatus(of: "\(directory)/cgroup.procs")
            return true
        } catch { return false }
    }
}

/// Nil when there is none, also for the word `max`.
private func number(in path: String) -> Int? { firstLines(of: path).first.flatMap { Int($0) } }

/// Of a small file of the kernel's; none when it cannot be read.
private func firstLines(of path: String) -> [Substring] {
    do throws(Errno) { return try lines(of: path) } catch { return [] }
}

private func lines(of path: String) throws(Errno) -> [Substring] {
    String(decoding: try readWhole(path), as: UTF8.self).split(separator: "\n")
}
