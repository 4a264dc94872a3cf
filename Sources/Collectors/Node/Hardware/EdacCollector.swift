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

    /// The two counters of a place.
    private struct Counts {
        let labels: [String]
        let corrected: Attribute
        let uncorrected: Attribute

        /// `ce` and `ue` stand for corrected and uncorrected error.
        init(_ path: String, _ labels: [String], suffix: String = "count") {
            self.labels = labels
            corrected = Attribute("\(path)ce_\(suffix)")
            uncorrected = Attribute("\(path)ue_\(suffix)")
        }
    }

    private struct Channel {
        let counts: Counts
        let dimm: DimmLabel
    }

    private struct Controller {
        let counts: Counts
        /// The first is of the errors for which the controller cannot tell the row.
        var rows: [Counts]
        var channels: [Channel] = []
    }

    private let controllers: DeviceList<Controller>

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        controllers = DeviceList("\(host.sys)/devices/system/edac/mc") { name, path throws(KernelFileError) in
            guard let number = numberOfDevice(name, "mc") else { return nil }
            return try Self.controller(number, path)
        }
    }

    private static func controller(_ number: String, _ path: String) throws(KernelFileError) -> Controller {
        var controller = Controller(
            counts: Counts("\(path)/", [number]),
            rows: [Counts("\(path)/", [number, "unknown"], suffix: "noinfo_count")])
        for name in try entries(of: path) {
            guard let row = numberOfDevice(name, "csrow") else { continue }
            let path = "\(path)/\(name)"
            controller.rows.append(Counts("\(path)/", [number, row]))
            for name in try entries(of: path) where name.hasSuffix("_ce_count") {
                guard let channel = numberOfDevice(String(name.dropLast("_ce_count".count)), "ch") else { continue }
                controller.channels.append(
                    Channel(
                        counts: Counts("\(path)/ch\(channel)_", [channel, number, row]),
                        dimm: DimmLabel("\(path)/ch\(channel)_dimm_label")))
            }
        }
        return controller
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        try controllers.forEach { controller, problem throws(KernelFileError) in
            func add(
                _ counts: Counts, _ corrected: MetricDescriptor, _ uncorrected: MetricDescriptor, _ more: [String] = []
            ) {
                for (attribute, descriptor) in [(counts.corrected, corrected), (counts.uncorrected, uncorrected)] {
                    if let count = problem.number(attribute) {
                        snapshot.add(descriptor, count, labels: counts.labels + more)
                    }
                }
            }
            add(controller.counts, Self.corrected, Self.uncorrected)
            for row in controller.rows { add(row, Self.rowCorrected, Self.rowUncorrected) }
            for channel in controller.channels {
                let dimm = problem.noted { () throws(KernelFileError) in try channel.dimm.text() } ?? "unknown"
                add(channel.counts, Self.channelCorrected, Self.channelUncorrected, [dimm])
            }
        }
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
