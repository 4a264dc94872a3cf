// Batteries, mains and other supplies of power: /sys/class/power_supply.
// See Documentation/ABI/testing/sysfs-class-power.

internal import Bytes
internal import Metrics
internal import Procfs
internal import Settings

struct PowerSupplyClassCollector: Collector {
    static let name = "powersupplyclass"
    static let isEnabledByDefault = true
    static let metrics = numbers.map(\.descriptor) + [info]

    private static func number(_ file: String, _ name: String, _ scale: Scale, _ help: String) -> NumberMetric {
        NumberMetric(file, "node_power_supply_\(name)", labels: ["power_supply"], scale, help: help)
    }

    /// The kernel counts in µV, µA, µW, µAh, µWh and tenths of a degree.
    private static let numbers = [
        number("authentic", "authentic", .one, "1 when the supply is genuine, 0 when it is not."),
        number("calibrate", "calibrate", .one, "Whether the battery is being calibrated."),
        number("capacity", "capacity", .one, "How full the battery is, in percent."),
        number("capacity_alert_max", "capacity_alert_max", .one, "Above this percentage the battery raises an alert."),
        number("capacity_alert_min", "capacity_alert_min", .one, "Below this percentage the battery raises an alert."),
        number("charge_control_limit", "charge_control_limit", .micro, "The limit on charging that is set."),
        number("charge_control_limit_max", "charge_control_limit_max", .micro, "The highest limit on charging."),
        number("charge_counter", "charge_counter", .micro, "What went in and out of the battery, in ampere hours."),
        number("charge_empty", "charge_empty", .micro, "The charge of the battery when empty, in ampere hours."),
        number(
            "charge_empty_design", "charge_empty_design", .micro,
            "The charge when empty that the battery was made for, in ampere hours."),
        number("charge_full", "charge_full", .micro, "The charge of the battery when full, in ampere hours."),
        number(
            "charge_full_design", "charge_full_design", .micro,
            "The charge when full that the battery was made for, in ampere hours."),
        number("charge_now", "charge_ampere", .micro, "The charge of the battery, in ampere hours."),
        number("charge_term_current", "charge_term_current", .micro, "The current at which charging ends, in ampere."),
        number(
            "constant_charge_current", "constant_charge_current", .micro,
            "The current that is set for charging, in ampere."
        ),
        number(
            "constant_charge_current_max", "constant_charge_current_max", .micro,
            "The highest current for charging, in ampere."),
        number(
            "constant_charge_voltage", "constant_charge_voltage", .micro,
            "The voltage that is set for charging, in volts."),
        number(
            "constant_charge_voltage_max", "constant_charge_voltage_max", .micro,
            "The highest voltage for charging, in volts."),
        number("current_boot", "current_boot", .micro, "The current at the boot, in ampere."),
        number("current_max", "current_max", .micro, "The highest current, in ampere."),
        number("current_now", "current_ampere", .micro, "The current, in ampere; below 0 on some that discharge."),
        number("cycle_count", "cyclecount", .one, "How often the battery was emptied and filled."),
        number("energy_empty", "energy_empty", .micro, "The energy of the battery when empty, in watt hours."),
        number(
            "energy_empty_design", "energy_empty_design", .micro,
            "The energy when empty that the battery was made for, in watt hours."),
        number("energy_full", "energy_full", .micro, "The energy of the battery when full, in watt hours."),
        number(
            "energy_full_design", "energy_full_design", .micro,
            "The energy when full that the battery was made for, in watt hours."),
        number("energy_now", "energy_watthour", .micro, "The energy of the battery, in watt hours."),
        number("input_current_limit", "input_current_limit", .micro, "The limit on what is drawn, in ampere."),
        number("online", "online", .one, "0 when the supply gives nothing, 1 or 2 when it does."),
        number("power_now", "power_watt", .micro, "The power, in watts; below 0 on some that discharge."),
        number("precharge_current", "precharge_current", .micro, "The current for an empty battery, in ampere."),
        number("present", "present", .one, "1 when the battery is there, 0 when its place is empty."),
        number("temp", "temp_celsius", .tenth, "The temperature of the battery."),
        number(
            "temp_alert_max", "temp_alert_max_celsius", .tenth, "Above this temperature the battery raises an alert."),
        number(
            "temp_alert_min", "temp_alert_min_celsius", .tenth, "Below this temperature the battery raises an alert."),
        number("temp_ambient", "temp_ambient_celsius", .tenth, "The temperature around the supply."),
        number(
            "temp_ambient_max", "temp_ambient_max_celsius", .tenth,
            "Above this temperature around it there is an alert."),
        number(
            "temp_ambient_min", "temp_ambient_min_celsius", .tenth,
            "Below this temperature around it there is an alert."),
        number("temp_max", "temp_max_celsius", .tenth, "The highest temperature that the battery bears."),
        number("temp_min", "temp_min_celsius", .tenth, "The lowest temperature that the battery bears."),
        number("time_to_empty_now", "time_to_empty_seconds", .one, "In how many seconds the battery will be empty."),
        number("time_to_full_now", "time_to_full_seconds", .one, "In how many seconds the battery will be full."),
        number("voltage_boot", "voltage_boot", .micro, "The voltage at the boot, in volts."),
        number("voltage_max", "voltage_max", .micro, "The highest voltage, in volts."),
        number("voltage_max_design", "voltage_max_design", .micro, "The highest voltage by design, in volts."),
        number("voltage_min", "voltage_min", .micro, "The lowest voltage, in volts."),
        number("voltage_min_design", "voltage_min_design", .micro, "The lowest voltage by design, in volts."),
        number("voltage_now", "voltage_volt", .micro, "The voltage."),
        number("voltage_ocv", "voltage_ocv", .micro, "The voltage of the battery without a load, in volts."),
    ]

    private static let info = MetricDescriptor(
        "node_power_supply_info", .gauge,
        labels: [
            "capacity_level", "charge_type", "health", "manufacturer", "model_name", "power_supply", "scope",
            "serial_number", "status", "technology", "type", "usb_type",
        ],
        help: "What a supply of power is, and the state it is in; always 1.")

    private struct Supply {
        let name: String
        let numbers: DeviceNumbers
        /// One for each label; nil for what it does not tell, and for the name.
        let texts: [Attribute?]
    }

    private let supplies: DeviceList<Supply>
    private var infos = InfoFamily(info)

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        let ignored = try section.pattern("ignored_supplies", default: "^$")
        supplies = DeviceList("\(host.sys)/class/power_supply") { name, path throws(KernelFileError) in
            if let ignored, ignored.matches(name) { return nil }
            return Supply(
                name: name, numbers: DeviceNumbers(Self.numbers, in: path),
                texts: Self.info.labels.map { attributeIfThere("\(path)/\($0)") })
        }
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        try supplies.forEach { supply, problem throws(KernelFileError) in
            supply.numbers.add(supply.name, to: &snapshot, &problem)
            let values = zip(Self.info.labels, supply.texts).map { label, attribute -> String? in
                if label == "power_supply" { return supply.name }
                let text = problem.text(attribute)
                return text == "" ? nil : text
            }
            infos.add(values, to: &snapshot)
        }
    }
}
