// swift-tools-version: 6.2
// The floors of docs/design.md section 2: a target may depend only on targets of lower floors.
// CI holds that with `--explicit-target-dependency-import-check error`.

import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
    // One `text.contains("word")` links 1.3 MB of regular expressions into the agent: so it does not compile.
    .unsafeFlags(["-Xfrontend", "-disable-implicit-string-processing-module-import"]),
]

/// Tests hold to the same rules, but for memory safety: they poke at buffers and C calls on purpose.
let tested: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

func floor(_ name: String, on below: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: below, swiftSettings: strict)
}

func tests(of name: String, with others: [Target.Dependency] = []) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: [.byName(name: name), "TestSupport"] + others, swiftSettings: tested)
}

let package = Package(
    name: "vitals",
    targets: [
        // 0: C headers; what is linked is named here, all else is opened with dlopen.
        .target(name: "CLinux"),
        .target(name: "CZlib", linkerSettings: [.linkedLibrary("z")]),
        .target(name: "CPCRE2", linkerSettings: [.linkedLibrary("pcre2-8")]),
        .target(name: "CCurl", linkerSettings: [.linkedLibrary("dl")]),
        .target(name: "COpenSSL", linkerSettings: [.linkedLibrary("dl")]),
        .target(name: "CCrypt", linkerSettings: [.linkedLibrary("dl")]),
        .target(name: "CSystemd"),
        // 1
        floor("Bytes", on: ["CZlib", "CPCRE2"]),
        // 2
        floor("Platform", on: ["Bytes", "CLinux"]),
        // 3
        floor("Metrics", on: ["Bytes"]),
        floor("Logs", on: ["Bytes", "Platform"]),
        floor("Compression", on: ["Bytes"]),
        floor("Settings", on: ["Bytes"]),
        // 4
        floor("Procfs", on: ["Bytes", "Platform", "CLinux"]),
        floor("Durable", on: ["Bytes", "Platform"]),
        floor("HTTP", on: ["Bytes", "Platform", "CLinux", "CCurl", "COpenSSL", "CCrypt"]),
        // 5
        floor("Collectors", on: ["Bytes", "Platform", "CLinux", "CSystemd", "Metrics", "Settings", "Procfs"]),
        floor("AWS", on: ["Bytes", "Platform", "COpenSSL", "Settings", "HTTP"]),
        // 6
        floor(
            "Inputs",
            on: [
                "Bytes", "Platform", "CLinux", "CSystemd", "Metrics", "Logs", "Compression", "Settings", "Durable",
                "Procfs", "Collectors", "AWS",
            ]),
        floor("Outputs", on: ["Bytes", "Platform", "Logs", "Settings", "HTTP", "AWS"]),
        // 7
        floor("Delivery", on: ["Bytes", "Platform", "Logs", "Settings", "Durable", "Inputs", "Outputs"]),
        // 8
        floor(
            "Agent",
            on: [
                "Bytes", "Platform", "CLinux", "Metrics", "Logs", "Settings", "Procfs", "Durable", "HTTP", "Collectors",
                "Inputs", "Outputs", "Delivery",
            ]),
        // 9
        .executableTarget(
            name: "vitals", dependencies: ["Bytes", "Platform", "CLinux", "Settings", "Agent"], swiftSettings: strict),

        // What tests of several floors share.
        .target(name: "TestSupport", dependencies: ["Settings"], path: "Tests/Support/Swift", swiftSettings: tested),

        tests(of: "Bytes", with: ["CZlib"]),
        tests(of: "Platform", with: ["Bytes"]),
        tests(of: "Metrics", with: ["Bytes"]),
        tests(of: "Logs", with: ["Bytes", "Platform"]),
        tests(of: "Compression", with: ["Bytes"]),
        tests(of: "Settings", with: ["Bytes"]),
        tests(of: "Procfs", with: ["Bytes", "Platform"]),
        tests(of: "Durable", with: ["Bytes", "Platform"]),
        tests(of: "HTTP", with: ["Bytes", "Platform"]),
        tests(of: "AWS", with: ["Bytes", "Platform", "Settings", "HTTP"]),
        tests(of: "Collectors", with: ["Bytes", "Platform", "Metrics", "Settings", "Procfs"]),
        tests(
            of: "Inputs",
            with: [
                "Bytes", "CLinux", "Platform", "Metrics", "Logs", "Compression", "Settings", "Durable", "Procfs",
                "Collectors",
            ]),
        tests(of: "Outputs", with: ["Bytes", "Platform", "Logs", "Settings", "HTTP", "AWS"]),
        tests(of: "Delivery", with: ["Bytes", "Platform", "Logs", "Settings", "Durable", "Inputs", "Outputs"]),
        tests(
            of: "Agent",
            with: [
                "Bytes", "Platform", "Metrics", "Settings", "Procfs", "Durable", "Collectors", "HTTP", "Inputs",
                "Outputs", "Delivery",
            ]),
        // The style rules that a machine can hold, over the whole tree.
        .testTarget(name: "TidyTests", swiftSettings: tested),
    ]
)
