// The devices of one directory of sysfs, such as /sys/class/hwmon. See Documentation/filesystems/sysfs.rst.
//
// All collectors of devices walk over them here, so that one device that cannot be read costs itself: it is noted in
// `SkippedRows`, and its neighbours are served.

internal import Bytes
internal import Platform

/// The devices of one directory: each is made when the directory is found to list it. A class, so that a walk may
/// change its owner meanwhile.
package final class DeviceList<Device> {
    package let path: String
    private var directory: KeptDirectory
    private let make: (_ name: String, _ path: String) throws(KernelFileError) -> Device?
    /// In the order of their names, `eth2` before `eth10`.
    package private(set) var devices: [Device] = []
    /// False when a device could not be made.
    private var isComplete = false
    /// Names of those; they are tried again each time.
    private var failed: [String] = []
    /// Entries whose names are not UTF-8, as they are shown: neither a path nor a label can be made of those.
    private var namesWithoutText: [String] = []
    /// Another number each time that the devices were made anew.
    package private(set) var generation = 0
    /// The `generation` that `forEach` has shown to its caller.
    package var shownGeneration = -1

    /// `make` reads what does not change, and opens what does; nil for what is no device. When the directory changes,
    /// all are made anew.
    package init(
        _ path: String, make: @escaping (_ name: String, _ path: String) throws(KernelFileError) -> Device?
    ) {
        self.path = path
        directory = KeptDirectory(path)
        self.make = make
    }

    /// For what the directory does not show: the next `refresh` makes all devices anew.
    package func forget() { directory = KeptDirectory(path) }

    /// Looks what is there now. False when this kernel has no such directory. A device that is not as it should be is
    /// left out, and noted in `SkippedRows`.
    ///
    /// - Throws: `KernelFileError` when the directory cannot be read, or a device for a reason that says nothing about
    ///   it, or when no device is as it should be.
    package func refresh() throws(KernelFileError) -> Bool {
        let isChanged: Bool
        do throws(Errno) { isChanged = try directory.refresh() } catch {
            devices = []
            namesWithoutText = []
            generation += 1
            if error == .notFound { return false }
            throw .unreadable(path: path, error)
        }
        if isChanged {
            namesWithoutText = directory.names.filter { $0.text == nil }.map(\.description)
        }
        for name in namesWithoutText { SkippedRows.note(of: "\(path)/\(name)", "the name is not UTF-8") }
        if !isChanged, isComplete || !hasMadeWhatFailed() { return true }
        devices = []
        failed = []
        isComplete = false
        generation += 1
        var problem = FirstProblem()
        for name in directory.names.compactMap(\.text).sorted(by: { isBefore($0, $1) }) {
            problem.keep { () throws(KernelFileError) in
                failed.append(name)
                if let device = try make(name, "\(path)/\(name)") { devices.append(device) }
                failed.removeLast()
            }
        }
        isComplete = problem.isNone
        try problem.throwFirst()
        return true
    }

    /// Tries again what could not be made. True when there is something new, or nothing else: all are made anew then.
    private func hasMadeWhatFailed() -> Bool {
        guard !devices.isEmpty else { return true }
        for name in failed {
            do throws(KernelFileError) {
                _ = try make(name, "\(path)/\(name)")
                return true
            } catch {
                if error.isShortage { return true }
                SkippedRows.note(error)
            }
        }
        return false
    }

    /// Calls `body` with each device that the last `refresh` has found. What is wrong with one goes into `problem`, and
    /// costs that device, or what of it `body` reads through the problem that it is given.
    package func walk(
        _ problem: inout FirstProblem, _ body: (Device, inout FirstProblem) throws(KernelFileError) -> Void
    ) {
        for device in devices {
            let count = problem.count
            do throws(KernelFileError) {
                try body(device, &problem)
                if problem.count == count { problem.noteSuccess() }
            } catch { problem.note(error) }
        }
    }

    /// The same for devices of a device: looks first what is there now, and a directory that is not there has none.
    package func forEach(
        noting problem: inout FirstProblem, _ body: (Device, inout FirstProblem) throws(KernelFileError) -> Void
    ) {
        do throws(KernelFileError) { _ = try refresh() } catch { problem.note(error) }
        walk(&problem, body)
    }
}

/// The order of names with numbers in them.
package func isBefore(_ left: String, _ right: String) -> Bool {
    var (a, b) = (ByteCursor(left), ByteCursor(right))
    while let x = a.next, let y = b.next {
        if let n = a.unsigned() {
            guard let m = b.unsigned() else { return x < y }
            if n != m { return n < m }
        } else {
            if x != y { return x < y }
            _ = (a.skip(byte: x), b.skip(byte: y))
        }
    }
    if a.isAtEnd != b.isAtEnd { return a.isAtEnd }
    // Equal but for zeros in front of a number.
    return left < right
}
