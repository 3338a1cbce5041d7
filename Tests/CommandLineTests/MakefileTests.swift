import Foundation
import Testing

/// What `make` would do, without doing it.
@Suite struct MakefileTests {
  private func make(_ arguments: [String]) throws -> String {
    // A make that runs these tests passes its own flags on; they are not ours.
    let variables = ["MAKEFLAGS": "", "MFLAGS": "", "MAKELEVEL": ""]
    let outcome = try BuiltTool.run(
      URL(filePath: "/usr/bin/env"), ["make", "--no-print-directory"] + arguments, environment: variables)
    #expect(outcome.status == 0, "\(outcome.errors)")
    return outcome.output
  }

  /// The places of `parts` in `text`, which must all be there and in this order.
  private func expectInOrder(_ parts: [String], in text: String) {
    var rest = text[...]
    for part in parts {
      guard let range = rest.range(of: part) else {
        Issue.record("“\(part)” is missing or out of order in: \(text)")
        return
      }
      rest = rest[range.upperBound...]
    }
  }

  @Test func aloneItSaysWhatThereIs() throws {
    let help = try make([])
    for target in ["setup", "build", "demo", "test", "check-long", "soak", "evaluate", "format", "clean"] {
      #expect(help.contains("make \(target) "))
    }
  }

  @Test func demoSetsUpBuildsAndFliesFiveTasksTwice() throws {
    let commands = try make(["-n", "demo"])
    expectInOrder(
      [
        "scripts/setup.sh", "swift build -c release", "uio2 rollout",
        "metaworld:reach-v3,push-v3,drawer-close-v3,button-press-topdown-v3,door-open-v3", "--episodes 2",
        "--policy Policies/metaworld-mt5", "--video rollouts/demo", "--json rollouts/demo/report.json",
      ], in: commands)
  }

  @Test func testSetsUpChecksTheFormatAndRunsBothSuites() throws {
    expectInOrder(
      [
        "scripts/setup.sh", "swift format lint --strict", "swift test -c release", "-m pytest Envs",
        "everything passed",
      ], in: try make(["-n", "test"]))
  }

  @Test func theLongChecksAndTheSoakAreOutsideOfTest() throws {
    let test = try make(["-n", "test"])
    #expect(
      !test.contains("attack") && !test.contains("soak") && !test.contains("venv-peers") && !test.contains("venv-ray"))
    expectInOrder(
      [
        "sanitize-kernels.sh", "kill-and-resume.py --kills 20", "LargeModelTests", "-m pytest Benchmarks/peers",
        "long/test_cluster.py", "long/test_browser.py", "scripts/hostile-media.sh", "scripts/attack.sh",
        "everything passed",
      ],
      in: try make(["-n", "check-long"]))
    expectInOrder(["soak.py", "--seconds 1800", "--robots 4"], in: try make(["-n", "soak"]))
    expectInOrder(["soak.py", "--seconds 90"], in: try make(["-n", "soak", "SOAK_SECONDS=90"]))
  }

  @Test func evaluateFliesTwentySeedsAndReports() throws {
    expectInOrder(
      [
        "uio2 evaluate metaworld-mt5 --policy Policies/metaworld-mt5 --episodes 20 --seed 1000",
        "--run rollouts/evaluation --resume", "uio2 report rollouts/evaluation",
      ], in: try make(["-n", "evaluate"]))
    expectInOrder(
      ["--policy X --episodes 3 --seed 9", "--workers 4", "--run there"],
      in: try make(["-n", "evaluate", "EPISODES=3", "SEED=9", "POLICY=X", "WORKERS=4", "RUN=there"]))
  }

  @Test func `the example of a service is started again for ever, by a user whom robots can share a group with`() throws
  {
    let file = BuiltTool.repository.appending(path: "docs/uio2.service")
    let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map(String.init)
    for line in ["Restart=on-failure", "StartLimitIntervalSec=0", "User=uio2", "Group=uio2", "UMask=0007"] {
      #expect(lines.contains(line), "\(line)")
    }
    #expect(!lines.contains { $0.hasPrefix("DynamicUser=") || $0.hasPrefix("StartLimitBurst=") })
    // Its command is one that this program takes, as far as the policy.
    let start = try #require(lines.first { $0.hasPrefix("ExecStart=") }).split(separator: " ").dropFirst().map(
      String.init)
    let outcome = try BuiltTool.run(start)
    #expect(outcome.status == 65 && outcome.errors.contains("/srv/uio2"), "\(outcome.errors)")
  }

  @Test func continuousIntegrationRunsMakeTest() throws {
    let file = BuiltTool.repository.appending(path: ".ci/run")
    #expect(try String(contentsOf: file, encoding: .utf8).hasSuffix("\nmake test\n"))
    #expect(FileManager.default.isExecutableFile(atPath: file.path))
  }

  /// No account of this machine and no package index may be written into what everybody runs.
  @Test func theSetUpNamesNoPackageIndex() throws {
    for path in ["Makefile", "scripts/setup.sh", "scripts/apt-packages.txt"] {
      let text = try String(contentsOf: BuiltTool.repository.appending(path: path), encoding: .utf8)
      #expect(!text.contains("--index-url") && !text.contains("pypi"))
    }
  }
}
