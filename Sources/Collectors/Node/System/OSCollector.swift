// Which distribution runs on the host, from os-release(5).

internal import Bytes
internal import Metrics
internal import Platform
internal import Procfs
internal import Settings

struct OSCollector: Collector {
    static let name = "os"
    static let isEnabledByDefault = true
    static let metrics = [info, version, supportEnd]

    private static let labels = [
        "build_id", "id", "id_like", "image_id", "image_version", "name", "pretty_name", "variant", "variant_id",
        "version", "version_codename", "version_id",
    ]
    private static let info = MetricDescriptor(
        "node_os_info", .gauge, labels: labels, help: "The distribution as os-release(5) describes it; always 1.")
    private static let version = MetricDescriptor(
        "node_os_version", .gauge, labels: ["id", "id_like", "name"],
        help: "The first two parts of the distribution's version, as a number.")
    private static let supportEnd = MetricDescriptor(
        "node_os_support_end_timestamp_seconds", .gauge,
        help: "When the distribution ends its support, in seconds since 1970.")

    /// Far above any: it has some lines.
    private static let byteLimit = 64 << 10

    /// A file as it was read; another one has another inode or time.
    private struct Reading {
        let path: String
        let status: FileStatus
        let file: Assignments
        let rows: RowTally
        let labels: [String]
    }

    /// The second is what the first most often links to.
    private let paths = ["/etc/os-release", "/usr/lib/os-release"]
    private let root: String
    private var last: Reading?

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        root = host.root
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        let reading = try current()
        last = reading
        let file = reading.file
        snapshot.add(Self.info, 1, labels: reading.labels)
        var text = ByteCursor(file["VERSION_ID"])
        if let number = text.decimal(), number > 0 {
            snapshot.add(Self.version, number, labels: [file["ID"], file["ID_LIKE"], file["NAME"]])
        }
        if !file["SUPPORT_END"].isEmpty {
            if let end = Self.day(file["SUPPORT_END"]) {
                snapshot.add(Self.supportEnd, Double(end))
            } else {
                SkippedRows.note(of: reading.path, "SUPPORT_END is no day: \(file["SUPPORT_END"])")
            }
        }
        if let problem = reading.rows.firstProblem {
            SkippedRows.note(reading.rows.skipped, of: reading.path, problem.description)
        }
    }

    private func current() throws(CollectError) -> Reading {
        let shown = paths.map { root == "/" ? $0 : root + $0 }
        for (path, shown) in zip(paths, shown) {
            let status: FileStatus
            let bytes: [UInt8]
            do throws(Errno) {
                let file = try File(reading: path, inside: root)
                status = try file.status()
                if let last, last.path == shown, last.status == status { return last }
                bytes = try readWhole(file, limit: Self.byteLimit)
            } catch  where error == .notFound {
                continue
            } catch {
                throw .failed("\(shown): \(error)")
            }
            var text = ByteCursor(bytes)
            do throws(ParseError) {
                let file = try Assignments.parse(&text)
                if let problem = text.rows.firstProblem, text.rows.read == 0 { throw problem }
                let labels = Self.labels.map { label in file[label.uppercased()] }
                return Reading(path: shown, status: status, file: file, rows: text.rows, labels: labels)
            } catch { throw .failed("\(shown): \(error)") }
        }
        throw .absent("there is neither \(shown.joined(separator: " nor "))")
    }

    /// `2028-06-30` in seconds since 1970.
    static func day(_ text: String) -> Int64? {
        var text = ByteCursor(text)
        let dash = UInt8(ascii: "-")
        guard let year = text.unsigned(), text.skip(byte: dash), let month = text.unsigned(), text.skip(byte: dash),
            let day = text.unsigned(), text.isAtEnd, max(year, month, day) <= 9_999
        else { return nil }
        return CivilTime.unixSeconds(year: Int(year), month: Int(month), day: Int(day))
    }
}
