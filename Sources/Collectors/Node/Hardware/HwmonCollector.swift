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

    private var chips: DeviceList<HwmonChipName>
    private let chosen: NameFilter
    private let sensors: NameFilter
    private let families = HwmonFamilies()
    /// Of all chips, made anew when these are.
    private var generation = -1
    private var infos: [Info] = []
    private var readings: [(chip: String, reading: HwmonChip.Reading)] = []

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        chosen = try NameFilter(&section, "chip")
        sensors = try NameFilter(&section, "sensor")
        chips = DeviceList("\(host.sys)/class/hwmon") { name, path throws(KernelFileError) in
            try HwmonChipName(directory: name, at: path)
        }
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        try chips.refreshOrAbsent()
        var problem = FirstProblem()
        if chips.generation != generation { lookAround(&problem) }
        for info in infos { snapshot.add(info.descriptor, 1, labels: info.labels) }
        for (chip, reading) in readings {
            let number = problem.noted { () throws(KernelFileError) in try reading.attribute.numberIfAny() }
            guard let number else { continue }
            snapshot.add(reading.descriptor, reading.scale(number), chip, reading.sensor)
        }
        try problem.throwIfAny()
    }

    /// Two sensors of a chip may have the same label. A series must not be served twice: the first is.
    private mutating func lookAround(_ problem: inout FirstProblem) {
        generation = chips.generation
        infos = []
        readings = []
        for (label, name) in zip(HwmonChipName.labels(of: chips.devices), chips.devices) where chosen.takes(label) {
            var made: HwmonChip?
            problem.keep { () throws(KernelFileError) in made = try HwmonChip(label, name, families) }
            if let made { add(made) } else { generation = -1 }
        }
    }

    private mutating func add(_ chip: HwmonChip) {
        var seen: Set<[String]> = []
        if let name = chip.name { infos.append(Info(descriptor: Self.chipNames, labels: [chip.label, name])) }
        for sensor in chip.sensors where sensors.takes("\(chip.label);\(sensor.name)") {
            if let label = sensor.label {
                infos.append(Info(descriptor: Self.sensorLabel, labels: [chip.label, label, sensor.name]))
            }
            for reading in sensor.readings where seen.insert([reading.sensor, reading.descriptor.name]).inserted {
                readings.append((chip.label, reading))
            }
        }
    }
}
