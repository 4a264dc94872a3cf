// Which processes are in a group, as the settings say.
//
//     "web": { "command": ["nginx"] }, "db": { "pattern": "^postgres: " }, "ssh": { "unit": "ssh.service" }

internal import Bytes
internal import Procfs
internal import Settings

/// What a process is told by; the buffers are kept from one to the next.
struct ProcessFacts {
    /// As the kernel has it, cut to 15 bytes for all but its own threads.
    var command: [UInt8] = []
    /// The command line with spaces; in brackets the command, as ps does, when there is none.
    var line: [UInt8] = []
    /// The path of its control group.
    var cgroup: [UInt8] = []
}

/// A group takes the processes for which all holds that is set.
struct ProcessGroupRule {
    /// TASK_COMM_LEN of the kernel, less its zero.
    private static let commandBytes = 15
    /// A group is a series in each of a dozen metrics.
    static let groupLimit = 100

    let name: String
    private let commands: [[UInt8]]
    private let pattern: Pattern?
    private let unit: [UInt8]

    var needsLine: Bool { pattern != nil }
    var needsCgroup: Bool { !unit.isEmpty }

    /// All groups, in the order of the settings.
    static func rules(_ section: inout SettingsSection) throws(SettingsError) -> [ProcessGroupRule] {
        guard section.has("groups") else {
            throw section.error("\"groups\" is missing: expected { \"<name>\": { \"command\": [\"nginx\"] } }")
        }
        var groups = try section.section("groups")
        var rules: [ProcessGroupRule] = []
        for name in groups.keys {
            var own = try groups.section(name)
            rules.append(try ProcessGroupRule(name, &own))
            try own.finish()
        }
        guard (1...groupLimit).contains(rules.count) else {
            throw section.error(at: "groups", "expected 1 to \(groupLimit) groups")
        }
        return rules
    }

    init(_ name: String, _ section: inout SettingsSection) throws(SettingsError) {
        self.name = name
        commands = try section.strings("command", default: []).map { Array($0.utf8) }
        pattern = try section.pattern("pattern")
        let unit = try section.string("unit", default: "")
        self.unit = ProcessCgroup.unitName(unit)
        if commands.isEmpty, pattern == nil, unit.isEmpty {
            throw section.error("expected \"command\", \"pattern\" or \"unit\"")
        }
    }

    func match(_ process: ProcessFacts) -> PatternMatch {
        if !commands.isEmpty, !commands.contains(where: { Self.isCommand($0, process.command) }) {
            return .doesNotMatch
        }
        if !unit.isEmpty, !ProcessCgroup.isIn(unit, process.cgroup) { return .doesNotMatch }
        return pattern?.match(process.line, 0..<process.line.count) ?? .matches
    }

    private static func isCommand(_ wanted: [UInt8], _ command: [UInt8]) -> Bool {
        wanted == command || wanted.count > commandBytes && wanted.prefix(commandBytes).elementsEqual(command)
    }
}
