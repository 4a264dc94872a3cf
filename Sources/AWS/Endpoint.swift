// Where a service answers: from its name, the region and two wishes.
//
// The partitions and their names are those that AWS gives its own clients (partitions.json of botocore); see also
// https://docs.aws.amazon.com/general/latest/gr/rande.html

internal import Bytes

/// The services that are spoken to.
package enum AWSService: String, Sendable, CaseIterable {
    case logs
    case monitoring
    case sts

    /// As the credential scope names it.
    package var signingName: String { rawValue }

    /// As in `AWS_ENDPOINT_URL_CLOUDWATCH_LOGS`, and in lower case in a `[services …]` section.
    var settingName: String {
        switch self {
        case .logs: "CLOUDWATCH_LOGS"
        case .monitoring: "CLOUDWATCH"
        case .sts: "STS"
        }
    }
}

/// A part of AWS with accounts and names of its own.
package struct Partition: Sendable, Equatable {
    package let name: String
    package let suffix: String
    /// For addresses that have both IPv4 and IPv6.
    package let dualStackSuffix: String

    /// Of a region. What no other partition claims is the large one's, where new regions come up.
    package init(region: String) {
        self =
            others.first { region.hasPrefix($0.prefix) }?.partition
            ?? Partition(name: "aws", suffix: "amazonaws.com", dualStackSuffix: "api.aws")
    }

    fileprivate init(name: String, suffix: String, dualStackSuffix: String) {
        self.name = name
        self.suffix = suffix
        self.dualStackSuffix = dualStackSuffix
    }
}

private let others: [(prefix: String, partition: Partition)] = [
    (
        "cn-",
        Partition(name: "aws-cn", suffix: "amazonaws.com.cn", dualStackSuffix: "api.amazonwebservices.com.cn")
    ),
    ("us-gov-", Partition(name: "aws-us-gov", suffix: "amazonaws.com", dualStackSuffix: "api.aws")),
    ("us-iso-", Partition(name: "aws-iso", suffix: "c2s.ic.gov", dualStackSuffix: "api.aws.ic.gov")),
    ("us-isob-", Partition(name: "aws-iso-b", suffix: "sc2s.sgov.gov", dualStackSuffix: "api.aws.scloud")),
    ("eu-isoe-", Partition(name: "aws-iso-e", suffix: "cloud.adc-e.uk", dualStackSuffix: "api.cloud-aws.adc-e.uk")),
    ("us-isof-", Partition(name: "aws-iso-f", suffix: "csp.hci.ic.gov", dualStackSuffix: "api.aws.hci.ic.gov")),
    ("eusc-", Partition(name: "aws-eusc", suffix: "amazonaws.eu", dualStackSuffix: "api.amazonwebservices.eu")),
]

/// `https://logs.eu-west-1.amazonaws.com`
package func endpointURL(of service: AWSService, region: String, usesFIPS: Bool, usesDualStack: Bool) -> String {
    let partition = Partition(region: region)
    let suffix = usesDualStack ? partition.dualStackSuffix : partition.suffix
    let hasMark = usesFIPS && !isPlainFIPS(service, region, partition, usesDualStack: usesDualStack)
    let mark = hasMark ? "-fips" : ""
    return "https://\(service.rawValue)\(mark).\(region).\(suffix)"
}

/// The government's part of AWS is certified under its plain names, with exceptions that are each service's own.
private func isPlainFIPS(
    _ service: AWSService, _ region: String, _ partition: Partition, usesDualStack: Bool
) -> Bool {
    switch service {
    case .logs: !usesDualStack && ["us-gov-east-1", "us-gov-west-1"].contains(region)
    case .monitoring: partition.name == "aws-us-gov"
    case .sts: !usesDualStack && partition.name == "aws-us-gov"
    }
}

/// Whether a text has the form of a region's name: `eu-west-1`, `us-gov-east-1`, `us-isob-east-1`. Those of all
/// partitions are words with a number behind them; see partitions.json of botocore, "regionRegex".
func isRegion(_ text: String) -> Bool {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard text.utf8.count <= 63, parts.count >= 3, let number = parts.last else { return false }
    return (1...2).contains(number.utf8.count) && number.utf8.allSatisfy(\.isDigit)
        && parts.dropLast().allSatisfy { word in
            !word.isEmpty && word.utf8.allSatisfy { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) }
        }
}

/// What is wrong with what somebody has set as a region, which becomes part of a host's name; nil when nothing is. What
/// stands at an address of one's own (`hasEndpoint`) may call its regions as it likes.
func regionFault(_ text: String, hasEndpoint: Bool = false) -> String? {
    if isRegion(text) { return nil }
    if let region = regionOfZone(text) {
        return "is an availability zone, not a region: did you mean \"\(region)\"?"
    }
    if hasEndpoint, isHostLabel(text) { return nil }
    return "is not the name of a region, as in \"eu-west-1\""
}

/// `eu-west-1` of the zone `eu-west-1a`, and of the local zone `us-west-2-lax-1a`.
private func regionOfZone(_ zone: String) -> String? {
    guard let last = zone.utf8.last, (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(last) else { return nil }
    let parts = zone.dropLast().split(separator: "-", omittingEmptySubsequences: false)
    guard parts.last?.utf8.last?.isDigit == true else { return nil }
    for count in stride(from: 3, through: parts.count, by: 1) {
        let region = parts.prefix(count).joined(separator: "-")
        if isRegion(region) { return region }
    }
    return nil
}

private func isHostLabel(_ text: String) -> Bool {
    let bytes = text.utf8
    return (1...63).contains(bytes.count) && bytes.first != UInt8(ascii: "-") && bytes.last != UInt8(ascii: "-")
        && bytes.allSatisfy {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || $0.isDigit || $0 == UInt8(ascii: "-")
        }
}
