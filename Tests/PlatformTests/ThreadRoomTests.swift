// Whether threads must be tried at the start, on /proc and control groups that a test makes.

import Foundation
import TestSupport
import Testing

@testable import Platform

@Suite struct ThreadRoomTests {
    /// A host of two groups, one in the other, where 400 threads run.
    private static func host(
        _ directory: TemporaryDirectory, cgroup: String = "0::/a.slice/b.service\n", load: String = "1/400",
        threadsMax: String = "100000", pidMax: String = "4194304", maps: String = "65530"
    ) throws {
        try directory.write("proc/loadavg", "0.20 0.18 0.12 \(load) 11206\n")
        try directory.write("proc/sys/kernel/threads-max", threadsMax + "\n")
        try directory.write("proc/sys/kernel/pid_max", pidMax + "\n")
        try directory.write("proc/sys/vm/max_map_count", maps + "\n")
        try directory.write("proc/self/cgroup", cgroup)
        for group in ["", "/a.slice", "/a.slice/b.service"] {
            try directory.write("groups\(group)/cgroup.procs", "")
            if group.isEmpty { continue }
            try directory.write("groups\(group)/pids.max", "max\n")
            try directory.write("groups\(group)/pids.current", "300\n")
        }
    }

    private static func room(_ directory: TemporaryDirectory, userLimit: Int? = nil) -> ThreadRoom? {
        ThreadRoom(
            proc: "\(directory.path)/proc", controlGroups: "\(directory.path)/groups", userLimit: userLimit)
    }

    @Test func farFromEveryLimitNothingIsTried() throws {
        let directory = try TemporaryDirectory()
        try Self.host(directory)
        #expect(Self.room(directory)?.holds(200) == true)
        #expect(Self.room(directory, userLimit: 400 + 200 + ThreadRoom.reserve)?.holds(200) == true)
        #expect(Self.room(directory, userLimit: 399 + 200 + ThreadRoom.reserve)?.holds(200) == false)
    }

    @Test func nearALimitTheyAreTried() throws {
        let directory = try TemporaryDirectory()
        try Self.host(directory, threadsMax: "600")
        #expect(Self.room(directory)?.holds(30) == false)
        try Self.host(directory, pidMax: "1000")
        #expect(Self.room(directory)?.holds(30) == false)
        try Self.host(directory, maps: "1000")
        #expect(Self.room(directory)?.holds(30) == false)
        try Self.host(directory)
        // The group above counts as much as the own one.
        for group in ["a.slice", "a.slice/b.service"] {
            try directory.write("groups/\(group)/pids.max", "585\n")
            #expect(Self.room(directory)?.holds(30) == false, "\(group)")
            try directory.write("groups/\(group)/pids.max", "586\n")
            #expect(Self.room(directory)?.holds(30) == true, "\(group)")
            try directory.write("groups/\(group)/pids.max", "max\n")
        }
    }

    @Test(arguments: [
        "proc/loadavg", "proc/sys/kernel/threads-max", "proc/sys/kernel/pid_max", "proc/sys/vm/max_map_count",
        "proc/self/cgroup", "groups/a.slice/b.service/cgroup.procs",
    ]) func whatIsMissingTellsNothing(file: String) throws {
        let directory = try TemporaryDirectory()
        try Self.host(directory)
        #expect(Self.room(directory) != nil)
        try FileManager.default.removeItem(atPath: "\(directory.path)/\(file)")
        #expect(Self.room(directory) == nil)
    }

    @Test func whatCannotBeReadTellsNothing() throws {
        let directory = try TemporaryDirectory()
        try Self.host(directory, load: "400")
        #expect(Self.room(directory) == nil)
        try Self.host(directory, threadsMax: "many")
        #expect(Self.room(directory) == nil)
        try Self.host(directory)
        try directory.write("groups/a.slice/pids.max", "ten\n")
        #expect(Self.room(directory) == nil)
        try directory.write("groups/a.slice/pids.max", "10\n")
        try FileManager.default.removeItem(atPath: "\(directory.path)/groups/a.slice/pids.current")
        #expect(Self.room(directory) == nil)
        // Groups of another tree than the one that is mounted.
        try Self.host(directory, cgroup: "0::/../other\n")
        #expect(Self.room(directory) == nil)
    }

    /// Version 1 has a tree for each controller, and the number of tasks may be one of several.
    @Test func groupsOfVersion1() throws {
        let directory = try TemporaryDirectory()
        try Self.host(directory, cgroup: "9:name=systemd:/\n8:pids:/p\n0::/\n")
        try directory.write("groups/pids/cgroup.procs", "")
        try directory.write("groups/pids/p/cgroup.procs", "")
        try directory.write("groups/pids/p/pids.max", "40\n")
        try directory.write("groups/pids/p/pids.current", "12\n")
        #expect(Self.room(directory)?.groups == [TaskLimit(group: "/p", limit: 40, current: 12)])
        try Self.host(directory, cgroup: "8:cpu,pids:/p\n0::/\n")
        #expect(Self.room(directory) == nil)
    }

    /// What the look says and what a trial gives are the same here, whichever of them this host needs.
    @Test func bothWaysAgree() {
        #expect(triedThreads(upTo: 20) == 20)
        #expect(availableThreads(upTo: 20) == 20)
        // More stacks than there are addresses: no look can say that there is room.
        #expect(!hasRoomForThreads(100_000_000))
    }
}
