// Sensors of the hardware: chips of /sys/class/hwmon. See Documentation/hwmon/sysfs-interface.rst.
//
// What a chip has is looked at when it appears, and its attributes are then read again and again.

internal import Metrics
internal import Procfs
internal import Settings

struct HwmonCollector: Collector {
    static let name = "hwmon"
    static let isEnabledByDefault = true
    /// Besides these, each attribute of each kind of sensor is a family.
    static let metrics = [chipNames, sensorLabel] + HwmonFamilies.fixed

    private static let chipNames = MetricDescriptor(
        "node_hwmon_chip_names", .gauge, labels: ["chip", "chip_name"],
        help: "What the driver calls the chip; always 1.")
    private static let sensorLabel = MetricDescriptor(
        "node_hwmon_sensor_label", .gauge, labels: ["chip", "label", "sensor"],
        help: "What the driver or the board calls the sensor; always 1.")

    /// What is always 1: known when the chips are.
    private struct Info {
        let descriptor: MetricDescriptor
        let labels: [String]
    }

    private final class Chip {
        let name: HwmonChipName
        /// nil for one that is not chosen.
        var label: String?
        /// Looked up when it is known what the chip is called, and that it is chosen.
        var served: Served?

        init(_ name: HwmonChipName) { self.name = name }
    }

    private struct Served {
        var infos: [Info] = []
        var readings: [HwmonChip.Reading] = []
    }

    private let chips: DeviceList<Chip>
    private let chosen: NameFilter
    private let sensors: NameFilter
    private let families = HwmonFamilies()

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        chosen = try NameFilter(&section, "chip")
        sensors = try NameFilter(&section, "sensor")
        chips = DeviceList("\(host.sys)/class/hwmon") { name, path throws(KernelFileError) in
            Chip(try HwmonChipName(directory: name, at: path))
        }
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        try chips.forEach(whenOther: { chips, _ in label(chips) }) { chip, problem throws(KernelFileError) in
            guard let label = chip.label else { return }
            let problems = problem.count
            let served = chip.served ?? lookUp(HwmonChip(label, chip.name, families, &problem))
            // A label that could not be read may be readable the next time.
            chip.served = problem.count == problems ? served : nil
            for info in served.infos {
                snapshot.add(info.descriptor, 1, labels: info.labels)
                problem.noteSuccess()
            }
            for reading in served.readings {
                guard let number = problem.numberIfAny(reading.attribute) else { continue }
                snapshot.add(reading.descriptor, reading.scale(number), label, reading.sensor)
            }
        }
    }

    private func label(_ chips: [Chip]) {
        for (label, chip) in zip(HwmonChipName.labels(of: chips.map(\.name)), chips) {
            chip.label = chosen.takes(label) ? label : nil
            chip.served = nil
        }
    }

    /// Two sensors of a chip may have the same label. A series must not be served twice: the first is.
    private func lookUp(_ chip: HwmonChip) -> Served {
        var served = Served()
        var seen: Set<[String]> = []
        if let name = chip.name { served.infos.append(Info(descriptor: Self.chipNames, labels: [chip.label, name])) }
        for sensor in chip.sensors where sensors.takes("\(chip.label);\(sensor.name)") {
            if let label = sensor.label {
                served.infos.append(Info(descriptor: Self.sensorLabel, labels: [chip.label, label, sensor.name]))
            }
            for reading in sensor.readings where seen.insert([reading.sensor, reading.descriptor.name]).inserted {
                served.readings.append(reading)
            }
        }
        return served
    }
}
