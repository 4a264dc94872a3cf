// What the attributes of hwmon chips are served as. Documentation/hwmon/sysfs-interface.rst says what each is, and in
// which unit.

internal import Metrics
internal import Procfs

/// The families that were seen, by their names, which come from the code of drivers: there are some dozens.
final class HwmonFamilies {
    static let fixed = [beepEnabled, regulatorVersion, updateInterval]

    private static let labels = ["chip", "sensor"]
    private static let beepEnabled = MetricDescriptor(
        "node_hwmon_beep_enabled", .gauge, labels: labels, help: "1 when the chip may beep, whatever its sensors say.")
    private static let regulatorVersion = MetricDescriptor(
        "node_hwmon_voltage_regulator_version", .gauge, labels: labels,
        help: "The version of the voltage regulators' specification, times 10.")
    private static let updateInterval = MetricDescriptor(
        "node_hwmon_update_interval_seconds", .gauge, labels: labels, help: "How often the chip measures.")

    private var known: [String: MetricDescriptor] = [:]

    /// `isBesideSensor` when there is an attribute that is called as the sensor itself, so that `input` is another. nil
    /// for what is not served.
    func family(of name: HwmonName, isBesideSensor: Bool, isLabelled: Bool) -> (MetricDescriptor, Scale)? {
        let element = name.element
        switch name.kind {
        case .beepEnable: return element.isEmpty ? (Self.beepEnabled, .one) : nil
        case .regulator: return element.isEmpty ? (Self.regulatorVersion, .one) : nil
        case .updateInterval: return element.isEmpty ? (Self.updateInterval, .milli) : nil
        // Its label takes the place of the sensor.
        case .frequency where element == "input" && !isLabelled: return nil
        default: break
        }
        let (suffix, scale) = Self.unit(of: name)
        var metric = "node_hwmon_\(name.kind.rawValue)"
        if !element.isEmpty, element != "input" || isBesideSensor { metric += "_\(HwmonName.cleaned(element))" }
        metric += suffix
        if let descriptor = known[metric] { return (descriptor, scale) }
        let descriptor = MetricDescriptor(
            metric, name.kind == .energy && suffix != "" ? .counter : .gauge, labels: Self.labels, help: Self.help(name)
        )
        known[metric] = descriptor
        return (descriptor, scale)
    }

    /// The last words of the metric's name, and how the kernel's number gets there. Flags have no unit.
    private static func unit(of name: HwmonName) -> (suffix: String, scale: Scale) {
        switch (name.kind, name.element) {
        case (_, "fault"), (_, "alarm"): ("", .one)
        case (_, "beep"): ("_enabled", .one)
        case (.voltage, _), (.cpuVoltage, _): ("_volts", .milli)
        case (.temperature, "type"): ("", .one)
        case (.temperature, _): ("_celsius", .milli)
        case (.current, _): ("_amps", .milli)
        case (.energy, _): ("_joule_total", .micro)
        case (.power, "accuracy"): ("", .micro)
        case (.power, "average_interval"), (.power, "average_interval_min"), (.power, "average_interval_max"):
            ("_seconds", .milli)
        case (.power, _): ("_watt", .micro)
        case (.humidity, _): ("", .micro)
        case (.fan, "input"), (.fan, "min"), (.fan, "max"), (.fan, "target"): ("_rpm", .one)
        case (.frequency, "input"): ("_freq_mhz", .micro)
        default: ("", .one)
        }
    }

    private static func help(_ name: HwmonName) -> String {
        let what =
            switch name.kind {
            case .voltage, .cpuVoltage: "voltage"
            case .fan: "fan"
            case .pwm: "fan control"
            case .temperature: "temperature"
            case .current: "current"
            case .power: "power"
            case .energy: "energy"
            case .humidity: "humidity (1 is 100 %)"
            case .intrusion: "chassis intrusion"
            case .frequency: "frequency"
            case .regulator, .beepEnable, .updateInterval: "chip"
            }
        switch name.element {
        case "", "input": return "What a sensor of hwmon tells: \(what)."
        case "alarm": return "1 when the chip raises an alarm: \(what)."
        case "fault": return "1 when the sensor is broken: \(what)."
        case "beep": return "1 when the chip beeps at an alarm: \(what)."
        default: return "The attribute \(HwmonName.cleaned(name.element)) of a sensor of hwmon: \(what)."
        }
    }
}
