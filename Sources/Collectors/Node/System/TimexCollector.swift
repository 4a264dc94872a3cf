// How well the kernel's clock follows its reference, from adjtimex(2).

internal import Metrics
internal import Platform
internal import Procfs
internal import Settings

struct TimexCollector: Collector {
    static let name = "timex"
    static let isEnabledByDefault = true
    static let metrics = readings.map(\.descriptor)

    private typealias Reading = (descriptor: MetricDescriptor, value: @Sendable (ClockDiscipline) -> Double)

    private static let readings: [Reading] = [
        reading("offset_seconds", .gauge, "How far the clock is from its reference.") {
            seconds($0.offset, of: $0)
        },
        reading("frequency_adjustment_ratio", .gauge, "How fast the clock is made to run; 1 is its own speed.") {
            1 + Double($0.frequency) / partsOfOne
        },
        reading("maxerror_seconds", .gauge, "How far the clock may be off at most.") {
            Double($0.maximumError) / 1_000_000
        },
        reading("estimated_error_seconds", .gauge, "How far the clock is estimated to be off.") {
            Double($0.estimatedError) / 1_000_000
        },
        reading("status", .gauge, "The STA_ bits of the clock.") { Double($0.status) },
        reading("loop_time_constant", .gauge, "The time constant of the phase-locked loop.") { Double($0.constant) },
        reading("tick_seconds", .gauge, "How far the clock is set forward at each tick.") {
            Double($0.tick) / 1_000_000
        },
        reading("pps_frequency_hertz", .gauge, "The frequency of the pulse a second.") {
            Double($0.ppsFrequency) / partsOfOne
        },
        reading("pps_jitter_seconds", .gauge, "How much the pulse a second jitters.") { seconds($0.jitter, of: $0) },
        reading("pps_shift_seconds", .gauge, "How long the pulse a second is averaged.") { Double($0.shift) },
        reading("pps_stability_hertz", .gauge, "How much the frequency of the pulse a second wanders.") {
            Double($0.stability) / partsOfOne
        },
        reading("pps_jitter_total", .counter, "Pulses a second whose jitter was over the limit.") {
            Double($0.jitterCount)
        },
        reading("pps_calibration_total", .counter, "Intervals in which the pulse a second was calibrated.") {
            Double($0.calibrationCount)
        },
        reading("pps_error_total", .counter, "Calibrations of the pulse a second that failed.") {
            Double($0.errorCount)
        },
        reading("pps_stability_exceeded_total", .counter, "Pulses a second that were not stable enough.") {
            Double($0.stabilityCount)
        },
        reading("tai_offset_seconds", .gauge, "How far TAI is ahead of UTC.") { Double($0.tai) },
        reading("sync_status", .gauge, "1 when the clock follows a reference, 0 when none has set it.") {
            $0.isSynchronized ? 1 : 0
        },
    ]

    /// The kernel's frequencies are parts of a million with 16 bits after the point.
    private static let partsOfOne = 1_000_000.0 * 65_536

    private static func reading(
        _ name: String, _ kind: MetricKind, _ help: String, _ value: @escaping @Sendable (ClockDiscipline) -> Double
    ) -> Reading {
        (MetricDescriptor("node_timex_" + name, kind, help: help), value)
    }

    private static func seconds(_ time: Int, of clock: ClockDiscipline) -> Double {
        Double(time) / (clock.isInNanoseconds ? 1_000_000_000 : 1_000_000)
    }

    /// A test puts another clock here.
    var read: () throws(Errno) -> ClockDiscipline = ClockDiscipline.current

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {}

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        let clock: ClockDiscipline
        do throws(Errno) { clock = try read() } catch  where error == .notPermitted {
            throw .absent("adjtimex(2) is forbidden here, by a container or by ProtectClock= of the service")
        } catch {
            throw .failed("adjtimex: \(error)")
        }
        for (descriptor, value) in Self.readings { snapshot.add(descriptor, value(clock)) }
    }
}
