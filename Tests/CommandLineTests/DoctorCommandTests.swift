import Foundation
import Testing

/// `uio2 doctor` as a user meets it.
@Suite struct DoctorCommandTests {
  private struct Report: Decodable {
    struct Line: Decodable {
      var area: String
      var level: String
      var text: String
      var advice: String?
    }
    var findings: [Line]
    var ok: Int
    var warn: Int
    var fail: Int

    func line(_ area: String) -> Line? { findings.first { $0.area == area } }
  }

  private func report(_ arguments: [String]) throws -> Report {
    let outcome = try BuiltTool.run(["doctor", "--json"] + arguments)
    let report = try JSONDecoder().decode(Report.self, from: Data(outcome.output.utf8))
    #expect(outcome.errors.isEmpty, "\(outcome.errors)")
    // Warnings change nothing.
    #expect(outcome.status == (report.fail > 0 ? 1 : 0))
    #expect(report.findings.count == report.ok + report.warn + report.fail)
    #expect(report.findings.allSatisfy { ($0.level == "ok") == ($0.advice == nil) })
    return report
  }

  @Test func `the machine alone is looked at`() throws {
    let report = try report([])
    for area in ["kernels", "processors", "real time", "clock", "wake-ups", "memory", "descriptors", "disk", "cameras"]
    {
      #expect(report.line(area) != nil, "\(area)")
    }
    #expect(report.line("cameras")?.level == "warn")
    #expect(report.line("policy") == nil && report.line("daemon") == nil)
  }

  @Test func `a daemon that is not there fails, and the text says what to do`() throws {
    let address = "ipc:///tmp/uio2-nobody-\(UUID().uuidString.prefix(8))"
    let outcome = try BuiltTool.run(["doctor", "--daemon", address])
    #expect(outcome.status == 1)
    #expect(outcome.output.contains("fail daemon"))
    #expect(outcome.output.contains("→ is it there? uio2 serve --bind \(address)"))
  }

  @Test func `a daemon is greeted and its policy measured`() throws {
    let socket = URL(filePath: "/tmp/uio2-doctor-\(UUID().uuidString.prefix(8))")
    let policy = BuiltTool.repository.appending(path: "Policies/metaworld-mt5").path
    let address = "ipc://" + socket.path
    try BuiltTool.running(["serve", "--policy", policy, "--bind", address], until: socket) { _ in
      let report = try report(["--policy", policy, "--daemon", address])
      #expect(report.line("policy")?.level == "ok")
      #expect(report.line("daemon")?.level == "ok")
      #expect(report.line("round trip")?.text.contains(" ms") == true)
      #expect(report.line("pace")?.text.contains("ms from pictures to commands") == true)
    }
  }

  @Test func `a broken policy fails with its reason`() throws {
    try BuiltTool.withFolder { folder in
      try Data("{}".utf8).write(to: folder.appending(path: "policy.json"))
      let line = try report(["--policy", folder.path]).line("policy")
      #expect(line?.level == "fail")
      #expect(line?.text.contains(folder.path) == true, "\(line?.text ?? "")")
    }
  }

  @Test func `wrong usage and files that are not there have their codes`() throws {
    #expect(try BuiltTool.run(["doctor", "--daemon", "nowhere"]).status == 64)
    #expect(try BuiltTool.run(["doctor", "--weights", "int8"]).status == 64)
    #expect(try BuiltTool.run(["doctor", "--policy", "/no/such/folder"]).status == 65)
    #expect(try BuiltTool.run(["doctor", "--recording", "/no/such/file.mcap"]).status == 65)
    try BuiltTool.withFolder { folder in
      let empty = folder.appending(path: "empty.mcap")
      try Data().write(to: empty)
      let outcome = try BuiltTool.run(["doctor", "--recording", empty.path])
      #expect(outcome.status == 65 && outcome.errors.contains("is empty"), "\(outcome.errors)")
    }
  }
}
