// The keys of an output cloudwatch_logs besides those of every output that speaks to AWS.

internal import AWS
internal import Bytes
internal import HTTP
internal import Logs
internal import Settings

/// As the service calls them; a group has its class from its beginning, and keeps it. See
/// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch_Logs_Log_Classes.html
enum LogGroupClass: String, CaseIterable, Sendable {
    case standard = "STANDARD"
    case infrequentAccess = "INFREQUENT_ACCESS"
    case delivery = "DELIVERY"
}

struct CloudWatchSettings: Sendable {
    var group: RecordTemplate
    var stream: RecordTemplate
    /// As they stand in the settings.
    var groupText: String
    var streamText: String
    var format: RecordFormat
    /// Nil for none.
    var compressionLevel: Int?
    var creates: Bool
    var retentionDays: Int?
    /// Nil: the service's own default, which is the standard class.
    var groupClass: LogGroupClass?
    var kmsKey: String?
    var tags: [(name: String, value: String)]
    var connectTimeout: Duration
    var timeout: Duration

    init(_ section: inout SettingsSection, _ values: TemplateValues) throws(SettingsError) {
        (group, groupText) = try Self.name(.group, "log_group", default: nil, &section, values)
        (stream, streamText) = try Self.name(.stream, "log_stream", default: "{hostname}", &section, values)
        // The line as it was written: what filters, alarms and eyes made for other agents expect.
        format = try section.choice("format", default: .text)
        let compression: HTTPCompression = try section.choice("compression", default: .gzip)
        // The fastest: it leaves a tenth of a log already, and the agent shall cost the host little.
        let level = try section.integer("compression_level", default: 1, in: 1...9)
        compressionLevel = compression == .gzip ? level : nil
        creates = try section.bool("create", default: true)
        retentionDays = try Self.retentionDays(&section)
        let hasClass = section.has("log_group_class")
        let wantedClass: LogGroupClass = try section.choice("log_group_class", default: .standard)
        groupClass = hasClass ? wantedClass : nil
        kmsKey = try section.optionalString("kms_key")
        if let kmsKey, !(kmsKey.hasPrefix("arn:") && kmsKey.utf8.count <= CloudWatchLimits.keyLength) {
            throw section.error(at: "kms_key", "expected the ARN of a key, as in \"arn:aws:kms:REGION:ACCOUNT:key/ID\"")
        }
        tags = try Self.tags(&section)
        connectTimeout = try section.duration(
            "connect_timeout", default: .seconds(5), in: .milliseconds(1)...(.seconds(300)))
        timeout = try section.duration("timeout", default: .seconds(30), in: .milliseconds(1)...(.seconds(3_600)))
        for key in ["log_group_class", "kms_key", "tags"] where !creates && section.wasGiven(key) {
            throw section.error(at: key, "is for groups that are made, and \"create\" is false")
        }
    }

    /// What stands in the text itself must be a name; what records bring is mended when it comes.
    private static func name(
        _ kind: CloudWatchName, _ key: String, default fallback: String?, _ section: inout SettingsSection,
        _ values: TemplateValues
    ) throws(SettingsError) -> (RecordTemplate, String) {
        let (template, text) = try section.template(key, default: fallback, values)
        if text.isEmpty { throw section.error(at: key, "must not be empty") }
        let literals = template.literals.joined()
        if let wrong = literals.first(where: { !kind.allows($0) }) {
            throw section.error(at: key, "\"\(wrong)\" cannot stand in the name of a \(kind)")
        }
        // A longer one would be cut for each record. What variables add is known only then.
        let isConstant = !text.utf8.contains(UInt8(ascii: "{"))
        if isConstant, text.unicodeScalars.count > CloudWatchLimits.nameLength {
            throw section.error(
                at: key, "a \(kind) has a name of \(CloudWatchLimits.nameLength) characters at the most")
        }
        if kind == .group, text.hasPrefix(CloudWatchLimits.reservedPrefix) {
            throw section.error(at: key, "\"\(CloudWatchLimits.reservedPrefix)\" is the service's own")
        }
        return (template, text)
    }

    private static func tags(
        _ section: inout SettingsSection
    ) throws(SettingsError) -> [(name: String, value: String)] {
        let tags = try section.table("tags")
        if tags.count > CloudWatchLimits.tags {
            throw section.error(at: "tags", "the service takes \(CloudWatchLimits.tags) at the most")
        }
        for (name, value) in tags {
            if name.hasPrefix(CloudWatchLimits.reservedTagPrefix) {
                throw section.error(
                    at: "tags", member: name, "\"\(CloudWatchLimits.reservedTagPrefix)\" is the service's own")
            }
            if !(1...CloudWatchLimits.tagNameLength).contains(name.unicodeScalars.count) {
                throw section.error(
                    at: "tags", member: name, "the name has 1 to \(CloudWatchLimits.tagNameLength) characters")
            }
            if value.unicodeScalars.count > CloudWatchLimits.tagValueLength {
                throw section.error(
                    at: "tags", member: name, "the value has \(CloudWatchLimits.tagValueLength) characters at the most")
            }
        }
        return tags
    }

    private static func retentionDays(_ section: inout SettingsSection) throws(SettingsError) -> Int? {
        let days = try section.integer("retention_days", default: 0, in: 0...3_653)
        if days == 0 { return nil }
        guard CloudWatchLimits.retentionDays.contains(days) else {
            let list = CloudWatchLimits.retentionDays.map(String.init).joined(separator: ", ")
            throw section.error(at: "retention_days", "the service takes one of \(list)")
        }
        return days
    }

    /// What is set for groups, by the keys of the settings, in words. A retention that is not set changes none;
    /// class, key and tags are those of whoever makes the group.
    var claims: [(setting: String, value: String)] {
        var claims: [(setting: String, value: String)] = []
        if let retentionDays { claims.append(("retention_days", "\(retentionDays)")) }
        guard creates else { return claims }
        let tags = tags.map { "\($0.name)=\($0.value)" }.sorted().joined(separator: ", ")
        return claims + [
            ("log_group_class", (groupClass ?? .standard).rawValue), ("kms_key", kmsKey ?? "none"),
            ("tags", tags.isEmpty ? "none" : tags),
        ]
    }

    func httpOptions(_ session: AWSSession) -> HTTPClientOptions {
        var options = session.httpOptions
        options.connectTimeout = connectTimeout
        options.timeout = timeout
        return options
    }
}
