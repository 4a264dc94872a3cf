// Errors of the memory that its controllers corrected, or could not: /sys/devices/system/edac/mc.
// See Documentation/admin-guide/RAS/main.rst.

internal import Bytes
internal import Metrics
internal import Platform
internal import Procfs
internal import Settings

struct EdacCollector: Collector {
    static let name = "edac"
    static let isEnabledByDefault = true
    static let metrics = [
        corrected, uncorrected, rowCorrected, rowUncorrected, channelCorrected, channelUncorrected,
    ]

    private static func errors(_ name: String, _ labels: [String], _ help: String) -> MetricDescriptor {
        MetricDescriptor("node_edac_\(name)_errors_total", .counter, labels: labels, help: help)
    }

    private static let channelLabels = ["channel", "controller", "csrow", "dimm_label"]
    private static let corrected = errors(
        "correctable", ["controller"], "Errors of the memory that were corrected, for each controller.")
    private static let uncorrected = errors(
        "uncorrectable", ["controller"], "Errors of the memory that could not be corrected, for each controller.")
    private static let rowCorrected = errors(
        "csrow_correctable", ["controller", "csrow"], "Errors that were corrected, for each row of chips.")
    private static let rowUncorrected = errors(
        "csrow_uncorrectable", ["controller", "csrow"], "Errors that could not be corrected, for each row of chips.")
    private static let channelCorrected = errors(
        "channel_correctable", channelLabels, "Errors that were corrected, for each channel of a row.")
    private static let channelUncorrected = errors(
        "channel_uncorrectable", channelLabels, "Errors that could not be corrected, for each channel of a row.")

    /// Two counters of the same place.
    private struct Counts {
        let corrected: Attribute
        let uncorrected: Attribute

        /// `ce` and `ue` stand for corrected and uncorrected error.
        init(_ path: String, _ suffix: String = "count") {
            corrected = Attribute("\(path)ce_\(suffix)")
            uncorrected = Attribute("\(path)ue_\(suffix)")
        }
    }

    private struct Row {
        let number: String
        let counts: Counts
        let channels: [Channel]
    }

    private struct Channel {
        let number: String
        let counts: Counts
        let dimm: DimmLabel
    }

    private struct Controller {
        let number: String
        let counts: Counts
        /// Of errors for which the controller cannot tell the row.
        let ofNoRow: Counts
        let rows: [Row]
    }

    private var controllers: DeviceList<Controller>

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        controllers = DeviceList("\(host.sys)/devices/system/edac/mc") { name, path throws(KernelFileError) in
            guard let number = numberOfDevice(name, "mc") else { return nil }
            return Controller(
                number: number, counts: Counts("\(path)/"), ofNoRow: Counts("\(path)/", "noinfo_count"),
                rows: Self.rows(in: path))
        }
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        try controllers.refreshOrAbsent()
        var problem = FirstProblem()
        func add(_ attribute: Attribute, _ descriptor: MetricDescriptor, _ labels: [String]) {
            let count = problem.noted { () throws(KernelFileError) in try attribute.number() }
            if let count { snapshot.add(descriptor, count, labels: labels) }
        }
        func add(
            _ counts: Counts, _ corrected: MetricDescriptor, _ uncorrected: MetricDescriptor, _ labels: [String]
        ) {
            add(counts.corrected, corrected, labels)
            add(counts.uncorrected, uncorrected, labels)
        }
        for controller in controllers.devices {
            let number = controller.number
            add(controller.counts, Self.corrected, Self.uncorrected, [number])
            add(controller.ofNoRow, Self.rowCorrected, Self.rowUncorrected, [number, "unknown"])
            for row in controller.rows {
                add(row.counts, Self.rowCorrected, Self.rowUncorrected, [number, row.number])
                for channel in row.channels {
                    let label = problem.noted { () throws(KernelFileError) in try channel.dimm.text() } ?? "unknown"
                    add(
                        channel.counts, Self.channelCorrected, Self.channelUncorrected,
                        [channel.number, number, row.number, label])
                }
            }
        }
        try problem.throwIfAny()
    }

    private static func rows(in path: String) -> [Row] {
        names(path).compactMap { name in
            guard let number = numberOfDevice(name, "csrow") else { return nil }
            return Row(
                number: number, counts: Counts("\(path)/\(name)/"), channels: channels(in: "\(path)/\(name)"))
        }
    }

    private static func channels(in path: String) -> [Channel] {
        names(path).compactMap { name in
            let suffix = "_ce_count"
            guard name.hasSuffix(suffix),
                let number = numberOfDevice(String(name.dropLast(suffix.count)), "ch")
            else { return nil }
            return Channel(
                number: number, counts: Counts("\(path)/ch\(number)_"),
                dimm: DimmLabel("\(path)/ch\(number)_dimm_label"))
        }
    }

    private static func names(_ path: String) -> [String] {
        do throws(Errno) { return try directoryEntries(path).sorted(by: isBefore) } catch { return [] }
    }
}

/// The name of a memory module: the driver's, until somebody who knows the board writes another into the file.
private final class DimmLabel {
    private let attribute: Attribute
    private var raw: String?
    private var label = ""

    init(_ path: String) { attribute = Attribute(path) }

    /// nil when the driver has none. `mc#0csrow#1channel#0` is `mc0_csrow1_channel0`.
    func text() throws(KernelFileError) -> String? {
        guard let text = try attribute.text() else { return nil }
        if text == raw { return label }
        var cursor = ByteCursor(text)
        var bytes: [UInt8] = []
        while let byte = cursor.next {
            if cursor.skip("csrow") {
                bytes.append("_csrow")
            } else if cursor.skip("channel") {
                bytes.append("_channel")
            } else {
                if byte != UInt8(ascii: "#") { bytes.append(byte) }
                _ = cursor.skip(byte: byte)
            }
        }
        (raw, label) = (text, String(decoding: bytes, as: UTF8.self))
        return label
    }
}
