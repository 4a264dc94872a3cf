// Attributes of devices that are served one for one, and what is common to the collectors that serve them.

internal import Bytes
internal import Metrics
internal import Platform
internal import Procfs

/// By what a number of the kernel is multiplied and divided to be in the unit of its metric. One of the two is 1, so
/// that the result is rounded once.
struct Scale {
    var factor = 1.0
    var divisor = 1.0

    static let one = Scale()
    static let milli = Scale(factor: 0.001)
    static let micro = Scale(divisor: 1_000_000)
    static let tenth = Scale(divisor: 10)
    static let kilo = Scale(factor: 1_000)

    func callAsFunction(_ number: Double) -> Double { number * factor / divisor }
}

/// A file of a device, and the metric that it is.
struct NumberMetric {
    let file: String
    let descriptor: MetricDescriptor
    let scale: Scale

    init(
        _ file: String, _ name: String, _ kind: MetricKind = .gauge, labels: [String], _ scale: Scale = .one,
        help: String
    ) {
        self.file = file
        self.scale = scale
        descriptor = MetricDescriptor(name, kind, labels: labels, help: help)
    }
}

/// The files of one device that are numbers.
struct DeviceNumbers {
    private let numbers: [(metric: NumberMetric, attribute: Attribute?)]

    init(_ metrics: [NumberMetric], in directory: String) {
        numbers = metrics.map { ($0, attributeIfThere("\(directory)/\($0.file)")) }
    }

    /// The default stands for what the device does not tell, where something is served all the same; not for what it
    /// should have told and could not.
    func add(
        _ label: String, default missing: Double? = nil, to snapshot: inout Snapshot, _ problem: inout FirstProblem
    ) {
        for (metric, attribute) in numbers {
            let problems = problem.count
            let told = problem.number(attribute)
            guard let number = told ?? (problem.count == problems ? missing : nil) else { continue }
            snapshot.add(metric.descriptor, metric.scale(number), label)
        }
    }
}

/// Attributes read through the problem of their device: nil for what the device does not tell or does not have, and for
/// what could not be read.
extension FirstProblem {
    mutating func text(_ attribute: Attribute?) -> String? {
        noted { () throws(KernelFileError) in try attribute?.text() }
    }

    mutating func number(_ attribute: Attribute?) -> Double? {
        noted { () throws(KernelFileError) in try attribute?.number() }
    }

    mutating func numberIfAny(_ attribute: Attribute?) -> Double? {
        noted { () throws(KernelFileError) in try attribute?.numberIfAny() }
    }

    mutating func humanSize(_ attribute: Attribute?) -> Double? {
        noted { () throws(KernelFileError) in try attribute?.humanSize() }
    }

    mutating func integer(_ attribute: Attribute?) -> Double? {
        noted { () throws(KernelFileError) in try attribute?.integer() }
    }
}

/// nil for a file that the device does not have: which it has is settled when it appears.
func attributeIfThere(_ path: String) -> Attribute? {
    do throws(Errno) { _ = try FileStatus(of: path) } catch { return nil }
    return Attribute(path)
}

/// What a directory of a device holds, in the order of their numbers; nothing when the device has no such directory.
func entries(of path: String) throws(KernelFileError) -> [String] {
    do throws(Errno) {
        var names: [String] = []
        for name in try directoryEntries(Path(path)) {
            if let text = name.text {
                names.append(text)
            } else {
                SkippedRows.note(of: "\(path)/\(name)", "the name is not UTF-8")
            }
        }
        return names.sorted(by: isBefore)
    } catch {
        if error == .notFound { return [] }
        throw .unreadable(path: path, error)
    }
}

/// The digits behind `prefix`, with which the kernel numbers devices; nil for another name.
func numberOfDevice(_ name: String, _ prefix: String) -> String? {
    guard name.hasPrefix(prefix) else { return nil }
    let number = name.utf8.dropFirst(prefix.utf8.count)
    guard !number.isEmpty, number.allSatisfy({ $0 &- UInt8(ascii: "0") <= 9 }) else { return nil }
    return String(Substring(number))
}

extension DeviceList {
    /// Looks what is there now; `.absent` when there is no such directory, with what that means.
    func refreshOrAbsent(_ meaning: String = "this kernel has no") throws(CollectError) {
        let isThere: Bool
        do throws(KernelFileError) { isThere = try refresh() } catch { throw CollectError(error) }
        guard isThere else { throw .absent("\(meaning) \(path)") }
    }

    /// The walk of a collector over its devices: looks what is there now, and calls `body` with each. What is wrong
    /// with one costs that device, or what of it `body` reads through the problem that it is given.
    ///
    /// `prepare` is called before, when the devices are others than the last time, for what is made of all of them
    /// together.
    func forEach(
        whenOther prepare: ([Device], inout FirstProblem) -> Void = { _, _ in },
        _ body: (Device, inout FirstProblem) throws(KernelFileError) -> Void
    ) throws(CollectError) {
        try refreshOrAbsent()
        var problem = FirstProblem()
        if shownGeneration != generation {
            shownGeneration = generation
            prepare(devices, &problem)
        }
        walk(&problem, body)
        try problem.throwIfAny()
    }
}
