// swift-tools-version: 6.1
// One room per idea, arrows only downwards: see ARCHITECTURE.md.
import PackageDescription

let package = Package(
  name: "uio2",
  products: [
    .executable(name: "uio2", targets: ["uio2"]),
    .library(name: "UnifiedIO", targets: ["UnifiedIO"]),
    .library(name: "RobotPolicy", targets: ["RobotPolicy"]),
    .library(name: "RobotInterface", targets: ["RobotInterface"]),
    .library(name: "RobotLink", targets: ["RobotLink", "ProtobufCodec", "ZeroMQTransport"]),
    .library(name: "ControlDaemon", targets: ["ControlDaemon"]),
  ],
  dependencies: [
    // The command line: subcommands, validation, help.
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    // Structured, levelled logging that an embedding application can redirect.
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    // Suite files of evaluations, with the lines of mistakes.
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    // SQLite for run databases: typed, transactional, safe to read while another process writes.
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    // Child processes: the simulated robot, ffmpeg. Without its trait for Foundation.
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    // SHA-256 of what a policy is made of.
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    // HTTP and websockets: 50 s of a first build on two cores.
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    // The facade through which everything counts.
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
  ],
  targets: [
    // System libraries.
    .systemLibrary(name: "CBLAS", providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(name: "CZeroMQ", providers: [.apt(["libzmq3-dev"])]),
    .systemLibrary(name: "CProtobufC", providers: [.apt(["libprotobuf-c-dev"])]),
    .systemLibrary(name: "CMsgPack", providers: [.apt(["libmsgpack-dev"])]),
    .systemLibrary(name: "CZstd", providers: [.apt(["libzstd-dev"])]),
    .systemLibrary(name: "CSodium", providers: [.apt(["libsodium-dev"])]),

    // What the operating system offers, with its errors as values: whole files, child processes and signals, a log that never waits.
    // The one error type.
    .target(name: "Faults"),
    .target(name: "Files", dependencies: ["Faults"]),
    .target(
      name: "Processes",
      dependencies: [
        "Faults",
        "Files", .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .target(name: "LogOutput", dependencies: ["Files", .product(name: "Logging", package: "swift-log")]),

    // C faces and kernels.
    // No unsafe flags anywhere: packages that have them cannot be depended upon.
    .target(name: "CSentencePiece", linkerSettings: [.linkedLibrary("sentencepiece")]),
    .target(name: "CImageCodecs", linkerSettings: [.linkedLibrary("jpeg"), .linkedLibrary("png")]),
    .target(
      name: "CSoundProcessing",
      linkerSettings: [.linkedLibrary("sndfile"), .linkedLibrary("soxr"), .linkedLibrary("fftw3")]),
    .target(name: "CKernels", linkerSettings: [.linkedLibrary("m")]),
    .target(name: "CProtocol", dependencies: ["CProtobufC"]),

    // The model.
    .target(name: "Tensors", dependencies: ["Faults", "Files", "CBLAS", "CKernels"]),
    .target(
      name: "UnifiedIO",
      dependencies: ["Faults", "Files", "Processes", "Tensors", "CSentencePiece", "CImageCodecs", "CSoundProcessing"]),

    // Checkpoints as people have them, and random ones (`uio2 import`, `uio2 synthesize`).
    .target(name: "ModelImport", dependencies: ["Faults", "Files", "UnifiedIO", "Tensors", "CKernels"]),

    // Compares this implementation with tensors of the official one (`uio2 parity`).
    .target(name: "UnifiedIOParity", dependencies: ["Files", "UnifiedIO", "Tensors"]),

    // The robot.
    .target(name: "RobotInterface", dependencies: ["Faults", "Files"]),
    .target(
      name: "RobotPolicy",
      dependencies: [
        "Faults",
        "Files", "RobotInterface", "UnifiedIO", "Tensors", .product(name: "Crypto", package: "swift-crypto"),
      ]),
    // The project's own wire: its messages, its transport, and the two joined, for daemons and for robots.
    // Who may command: files of keys, roles, and those whom a running daemon lets in.
    .target(
      name: "AccessKeys",
      dependencies: ["Files", "RobotInterface", "CZeroMQ", .product(name: "Crypto", package: "swift-crypto")]),
    .target(name: "ProtobufCodec", dependencies: ["RobotInterface", "CProtocol", "CProtobufC"]),
    .target(name: "ZeroMQTransport", dependencies: ["Files", "RobotInterface", "AccessKeys", "CZeroMQ"]),
    .target(
      name: "RobotLink", dependencies: ["RobotInterface", "AccessKeys", "ProtobufCodec", "ZeroMQTransport", "CZeroMQ"]),
    .target(
      name: "ControlDaemon",
      dependencies: [
        "RobotInterface", "RobotPolicy", "UnifiedIO", "Tensors", .product(name: "Logging", package: "swift-log"),
        .product(name: "CoreMetrics", package: "swift-metrics"),
      ]),

    // Recordings: the file format, what a daemon writes into it, and playing it again (`--record`, `uio2 replay`).
    .target(name: "MCAP", dependencies: ["Faults", "Files", "CZstd"]),
    .target(
      name: "Recording",
      dependencies: [
        "Files", "MCAP", "RobotInterface", "ProtobufCodec", .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "Logging", package: "swift-log"),
      ]),
    .target(
      name: "RecordingReplay",
      dependencies: ["MCAP", "Recording", "ControlDaemon", "RobotInterface", "ProtobufCodec", "RobotPolicy"]),

    // Other people's wires: msgpack with the arrays of numpy, openpi's and vla-eval's messages, HTTP and websockets, `/metrics`.
    .target(name: "MessagePack", dependencies: ["Faults", "CMsgPack"]),
    .target(name: "OpenPI", dependencies: ["MessagePack"]),
    .target(name: "VLAEval", dependencies: ["MessagePack"]),
    .target(
      name: "WebServer",
      dependencies: [
        "Faults",
        "RobotInterface", .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOWebSocket", package: "swift-nio"),
      ]),
    .target(name: "PrometheusMetrics", dependencies: [.product(name: "CoreMetrics", package: "swift-metrics")]),
    // Those formats as listeners of the daemon.
    .target(
      name: "WebWires",
      dependencies: ["AccessKeys", "MessagePack", "OpenPI", "RobotInterface", "VLAEval", "WebServer"]),

    // A page to watch robots and to stop them.
    .target(
      name: "WebConsole",
      dependencies: ["RobotInterface", "WebServer"],
      resources: [
        .embedInCode("Page/console.html"), .embedInCode("Page/console.js"), .embedInCode("Page/console.css"),
      ]),

    // Our own wire without libzmq: ZMTP 3.1 and CURVE as a value, then as a listener.
    .target(name: "ZMTP", dependencies: ["Faults", "CSodium"]),
    .target(
      name: "ZMTPWire",
      dependencies: [
        "AccessKeys", "RobotInterface", "RobotLink", "ZMTP", "ZeroMQTransport",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ]),

    // Sources that publish at their own times, put together.
    .target(name: "Topics"),
    // They as the robot of a session: cameras and an arm that publish over ZeroMQ.
    .target(name: "TopicsWire", dependencies: ["Topics", "RobotInterface", "ProtobufCodec", "ZeroMQTransport"]),

    // Statistics and tables of what was measured.
    .target(name: "Reporting"),
    // The record of an evaluation run (`uio2 evaluate`, `uio2 report`).
    .target(name: "RunDatabase", dependencies: ["Faults", "Files", .product(name: "GRDB", package: "GRDB.swift")]),
    .target(name: "RunAnalysis", dependencies: ["Reporting", "RunDatabase"]),
    .target(
      name: "PolicyEvaluation",
      dependencies: [
        "Faults", "Files", "Processes", "Reporting", "RunDatabase", .product(name: "Yams", package: "Yams"),
      ]),
    // Times beside the machine's ceilings, and what weight formats change (`uio2 bench`).
    .target(
      name: "ModelBenchmark",
      dependencies: ["Tensors", "UnifiedIO", "RobotInterface", "RobotPolicy", "Reporting"]),
    // The daemon's own time, beside a bare echo (`uio2 bench --size daemon`).
    .target(
      name: "DaemonBenchmark",
      dependencies: [
        "ModelBenchmark", "RobotInterface", "ProtobufCodec", "ZeroMQTransport", "RobotLink", "RobotPolicy", "UnifiedIO",
      ]),
    // Whether machine, policy and daemon can fly a robot (`uio2 doctor`).
    .target(
      name: "Diagnosis",
      dependencies: [
        "Tensors", "ModelBenchmark", "MCAP", "Recording", "RobotInterface", "AccessKeys", "ZeroMQTransport",
        "RobotLink", "RobotPolicy",
      ]),
    .executableTarget(
      name: "uio2",
      dependencies: [
        "AccessKeys", "Files", "Processes", "LogOutput", "Tensors", "UnifiedIO", "UnifiedIOParity", "ModelImport",
        "ModelBenchmark",
        "DaemonBenchmark", "RobotInterface",
        "RobotPolicy", "RobotLink", "ZMTPWire", "ZeroMQTransport", "ControlDaemon", "MCAP", "Recording",
        "RecordingReplay",
        "Diagnosis", "PolicyEvaluation", "Reporting", "RunAnalysis", "RunDatabase", "OpenPI", "VLAEval", "WebServer",
        "TopicsWire", "WebConsole", "WebWires", "PrometheusMetrics",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
      ]),

    // Tests.
    .target(name: "TestSupport", path: "Tests/TestSupport"),
    .target(
      name: "ConversationSupport", dependencies: ["TestSupport", "RobotInterface"], path: "Tests/ConversationSupport"),
    .target(name: "KernelLevels", dependencies: ["CKernels"], path: "Tests/KernelLevels"),
    .executableTarget(name: "kernel-driver", dependencies: ["CKernels"], path: "Tests/KernelDriver"),
    .executableTarget(
      name: "wire-driver",
      dependencies: [
        "TestSupport", "ConversationSupport", "MessagePack", "OpenPI", "VLAEval", "WebServer", "PrometheusMetrics",
        "RobotInterface", "ProtobufCodec", "MCAP", "Recording", "WebConsole",
        .product(name: "CoreMetrics", package: "swift-metrics"),
      ],
      path: "Tests/WireDriver"),
    .testTarget(
      name: "CKernelsTests", dependencies: ["TestSupport", "CKernels", "KernelLevels", "kernel-driver"],
      exclude: ["instructions.txt"]),
    .testTarget(
      name: "FaultsTests", dependencies: ["Faults", "RobotInterface", "Tensors", "MessagePack", "RunDatabase"]),
    .testTarget(name: "FilesTests", dependencies: ["TestSupport", "Files"]),
    .testTarget(name: "ProcessesTests", dependencies: ["TestSupport", "Processes"]),
    .testTarget(
      name: "LogOutputTests",
      dependencies: ["TestSupport", "LogOutput", .product(name: "Logging", package: "swift-log")]),
    .testTarget(name: "TensorsTests", dependencies: ["TestSupport", "Tensors", "CKernels"]),
    .testTarget(
      name: "UnifiedIOTests", dependencies: ["TestSupport", "UnifiedIO", "UnifiedIOParity", "Tensors"],
      exclude: ["Fixtures"]),
    .testTarget(
      name: "ModelImportTests", dependencies: ["TestSupport", "ModelImport", "UnifiedIO", "Tensors"],
      exclude: ["Fixtures"]),
    .testTarget(
      name: "RobotPolicyTests", dependencies: ["TestSupport", "RobotPolicy", "RobotInterface", "UnifiedIO", "Tensors"]),
    .testTarget(
      name: "RobotLinkTests",
      dependencies: [
        "TestSupport", "ConversationSupport", "RobotLink", "ProtobufCodec", "ZeroMQTransport", "RobotInterface",
        "CZeroMQ",
      ]),
    .testTarget(name: "AccessKeysTests", dependencies: ["TestSupport", "AccessKeys", "RobotInterface"]),
    .testTarget(
      name: "ControlDaemonTests",
      dependencies: [
        "TestSupport", "AccessKeys", "ControlDaemon", "RobotLink", "ProtobufCodec", "ZeroMQTransport", "RobotInterface",
        "ZMTPWire", "RobotPolicy",
        "UnifiedIO", "CZeroMQ", "PrometheusMetrics", .product(name: "Logging", package: "swift-log"),
      ]),
    .testTarget(name: "MCAPTests", dependencies: ["TestSupport", "MCAP"]),
    .testTarget(
      name: "RecordingTests",
      dependencies: [
        "TestSupport", "ControlDaemon", "MCAP", "Recording", "RecordingReplay", "RobotInterface", "RobotLink",
        "ProtobufCodec", "RobotPolicy",
        "Tensors", "UnifiedIO", .product(name: "Logging", package: "swift-log"),
      ]),
    .testTarget(
      name: "DiagnosisTests",
      dependencies: [
        "TestSupport", "Diagnosis", "MCAP", "Recording", "RobotInterface", "ProtobufCodec", "RobotLink",
        .product(name: "Logging", package: "swift-log"),
      ]),
    .testTarget(name: "ReportingTests", dependencies: ["TestSupport", "Reporting"], exclude: ["Fixtures"]),
    .testTarget(name: "RunDatabaseTests", dependencies: ["RunDatabase"]),
    .testTarget(name: "RunAnalysisTests", dependencies: ["Reporting", "RunAnalysis", "RunDatabase"]),
    .testTarget(
      name: "PolicyEvaluationTests",
      dependencies: ["TestSupport", "Files", "Processes", "PolicyEvaluation", "Reporting", "RunDatabase"]),
    .testTarget(name: "MessagePackTests", dependencies: ["TestSupport", "MessagePack"], exclude: ["Fixtures"]),
    .testTarget(name: "OpenPITests", dependencies: ["TestSupport", "MessagePack", "OpenPI"], exclude: ["Fixtures"]),
    .testTarget(name: "VLAEvalTests", dependencies: ["TestSupport", "MessagePack", "VLAEval"], exclude: ["Fixtures"]),
    .testTarget(name: "WebServerTests", dependencies: ["TestSupport", "WebServer", "RobotInterface"]),
    .testTarget(
      name: "WebWiresTests",
      dependencies: [
        "TestSupport", "AccessKeys", "WebWires", "MessagePack", "OpenPI", "ControlDaemon", "RobotInterface",
        "RobotLink",
        "RobotPolicy",
        .product(name: "Logging", package: "swift-log"),
      ]),
    .testTarget(name: "ZMTPTests", dependencies: ["TestSupport", "ZMTP"]),
    .testTarget(name: "TopicsTests", dependencies: ["TestSupport", "Topics"]),
    .testTarget(
      name: "TopicsWireTests",
      dependencies: [
        "TestSupport", "TopicsWire", "Topics", "ProtobufCodec", "RobotInterface", "ZeroMQTransport",
      ]),
    .testTarget(
      name: "WebConsoleTests",
      dependencies: [
        "TestSupport", "WebConsole", "WebServer", "ControlDaemon", "RobotInterface", "RobotLink", "RobotPolicy",
        .product(name: "Logging", package: "swift-log"),
      ]),
    .testTarget(
      name: "PrometheusMetricsTests",
      dependencies: ["PrometheusMetrics", .product(name: "CoreMetrics", package: "swift-metrics")]),
    .testTarget(
      name: "CommandLineTests",
      dependencies: [
        "TestSupport", "AccessKeys", "RobotInterface", "RobotLink", "ProtobufCodec", "ZeroMQTransport", "RunDatabase",
        "UnifiedIO",
        "Tensors", "uio2",
      ]),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c11,
  cxxLanguageStandard: .cxx17
)

// Stricter than the default everywhere: `any` is spelled out, imports are what a file uses.
for target in package.targets where target.type != .system {
  target.swiftSettings =
    (target.swiftSettings ?? []) + [
      .enableUpcomingFeature("ExistentialAny"),
      .enableUpcomingFeature("MemberImportVisibility"),
    ]
}
