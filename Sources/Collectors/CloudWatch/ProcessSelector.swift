// Which processes procstat_* is of: an element of `procstat` in the settings.
//
//     { "exe": "^nginx$" }  { "pattern": "java .*app.jar" }  { "pid_file": "/run/sshd.pid" }  { "unit": "ssh" }

internal import Bytes
internal import Metrics
internal import Procfs
package import Settings

/// One of them, as it is written.
package struct ProcessSelector: Sendable {
    package enum Kind: String, CaseIterable, Sendable {
        case pidFile = "pid_file"
        case exe, pattern, unit

        /// What the agent calls it.
        fileprivate var dimension: String {
            switch self {
            case .pidFile: "pidfile"
            case .exe: "exe"
            case .pattern: "pattern"
            case .unit: "systemd_unit"
            }
        }
    }

    /// Which processes are in which is one number of 64 bits.
    package static let limit = 64

    let kind: Kind
    let text: String

    var dimension: EMFDimension { EMFDimension(kind.dimension, text) }

    /// Asks for the keys of one element.
    init(_ section: inout SettingsSection) throws(SettingsError) {
        var found: [(Kind, String)] = []
        for kind in Kind.allCases {
            if let text = try section.optionalString(kind.rawValue) { found.append((kind, text)) }
        }
        guard found.count == 1, let (kind, text) = found.first, !text.isEmpty else {
            throw section.error("expected one of \"pid_file\", \"exe\", \"pattern\" and \"unit\"")
        }
        if kind == .exe || kind == .pattern {
            do throws(PatternError) { _ = try Pattern(text) } catch {
                throw section.error(at: kind.rawValue, error.description)
            }
        }
        if kind == .pidFile, text.utf8.first != UInt8(ascii: "/") {
            throw section.error(at: kind.rawValue, "expected an absolute path")
        }
        self.kind = kind
        self.text = text
        guard dimension.isValid else { throw section.error(at: kind.rawValue, "too long for a dimension") }
    }

    /// All of `procstat`.
    package static func all(_ section: inout SettingsSection) throws(SettingsError) -> [ProcessSelector] {
        var selectors: [ProcessSelector] = []
        for var element in try section.sections("procstat") {
            selectors.append(try ProcessSelector(&element))
            try element.finish()
        }
        guard selectors.count <= limit else { throw section.error(at: "procstat", "at most \(limit)") }
        return selectors
    }
}

/// What a selector asks of a process, made ready.
struct ProcessMatcher {
    let dimension: EMFDimension
    /// Of `pid_file`.
    let file: KernelFile?
    private let pattern: Pattern?
    private let unit: [UInt8]
    private let kind: ProcessSelector.Kind

    init(_ selector: ProcessSelector, host: Host) {
        kind = selector.kind
        dimension = selector.dimension
        file = kind == .pidFile ? KernelFile(selector.text, inside: host.root) : nil
        unit = kind == .unit ? ProcessCgroup.unitName(selector.text) : []
        guard kind == .exe || kind == .pattern else {
            pattern = nil
            return
        }
        do throws(PatternError) { pattern = try Pattern(selector.text) } catch {
            bug("a pattern that compiles only once: \(selector.text)")
        }
    }

    var needsLine: Bool { kind == .pattern }
    var needsCgroup: Bool { kind == .unit }
    var isOfProcesses: Bool { kind != .pidFile }

    func match(name: [UInt8], line: [UInt8], cgroup: [UInt8]) -> PatternMatch {
        switch kind {
        case .pidFile: .doesNotMatch
        case .unit: ProcessCgroup.isIn(unit, cgroup) ? .matches : .doesNotMatch
        case .exe: pattern.map { $0.match(name, 0..<name.count) } ?? .doesNotMatch
        case .pattern: pattern?.match(line, 0..<line.count) ?? .doesNotMatch
        }
    }
}
