import Diagnosis
import Testing

/// What a machine's facts lead to.
@Suite struct MachineChecksTests {
  /// A machine that a robot can want nothing more of.
  static var best: MachineFacts {
    var facts = MachineFacts()
    facts.kernels = "avx512vnni"
    facts.ceilings = MachineFacts.Ceilings(f32: 900, int8: 3_000, read: 80)
    (facts.processors, facts.threads, facts.load) = (8, 8, 0.5)
    (facts.mayScheduleAnything, facts.mayLockAnything) = (false, false)
    (facts.realtimePriority, facts.lockedMemory) = (.of(99), .unlimited)
    (facts.governor, facts.clockSource, facts.clockCost, facts.wakeUpDelay) = ("performance", "tsc", 25, 0.1)
    facts.date = 1_800_000_000
    (facts.memory, facts.availableMemory, facts.descriptors) = (64 << 30, 32 << 30, .of(1 << 20))
    facts.freeSpace = [.init(folder: "/data", free: 500 << 30)]
    return facts
  }

  private func level(_ area: String, _ change: (inout MachineFacts) -> Void, weights: UInt64? = nil) -> Finding.Level? {
    var facts = Self.best
    change(&facts)
    let found = MachineChecks.findings(facts, weightBytes: weights)
    // Whatever is not as it should be says what to do.
    #expect(found.allSatisfy { ($0.level == .ok) == ($0.advice == nil) })
    return found.first { $0.area == area }?.level
  }

  @Test func `of a good machine every line is ok`() {
    let report = DiagnosisReport(MachineChecks.findings(Self.best, weightBytes: 1 << 30))
    #expect(report.isSound)
    #expect(report.count(.warn) == 0, "\(report.text)")
    #expect(report.text.contains("900 GFLOP/s"))
    #expect(report.text.hasSuffix("0 to look at, 0 to mend"))
  }

  @Test func `what is missing for speed is a warning`() {
    #expect(level("kernels") { $0.kernels = "portable" } == .warn)
    #expect(level("kernels") { $0.chosenKernels = "avx2" } == .warn)
    #expect(level("processors") { $0.load = 7.5 } == .warn)
    #expect(level("processors") { $0.threads = 16 } == .warn)
    #expect(level("frequency") { $0.governor = "powersave" } == .warn)
    #expect(level("wake-ups") { $0.wakeUpDelay = 12 } == .warn)
    #expect(level("clock") { $0.clockCost = 2_500 } == .warn)
    #expect(level("clock") { $0.date = 0 } == .warn)
  }

  @Test func `permissions count by right or by limit`() {
    #expect(level("real time") { $0.realtimePriority = .of(0) } == .warn)
    #expect(level("real time") { ($0.realtimePriority, $0.mayScheduleAnything) = (.of(0), true) } == .ok)
    #expect(level("real time") { $0.realtimePriority = .unlimited } == .ok)
    #expect(level("memory lock") { $0.lockedMemory = .of(8 << 20) } == .warn)
    #expect(level("memory lock") { ($0.lockedMemory, $0.mayLockAnything) = (.of(0), true) } == .ok)
  }

  @Test func `a policy that does not fit into memory fails`() {
    #expect(level("memory", { $0.availableMemory = 4 << 30 }, weights: 1 << 30) == .ok)
    #expect(level("memory", { $0.availableMemory = 4 << 30 }, weights: 7 << 29) == .warn)
    #expect(level("memory", { $0.availableMemory = 4 << 30 }, weights: 8 << 30) == .fail)
  }

  @Test func `disks and descriptors that are used up fail`() {
    #expect(level("disk") { $0.freeSpace = [.init(folder: "/", free: 100 << 20)] } == .fail)
    #expect(level("disk") { $0.freeSpace = [.init(folder: "/", free: 1 << 30)] } == .warn)
    #expect(level("disk") { $0.freeSpace = [.init(folder: "/gone", free: nil)] } == .fail)
    #expect(level("descriptors") { $0.descriptors = .of(64) } == .fail)
    #expect(level("descriptors") { $0.descriptors = .of(1_024) } == .warn)
    #expect(level("descriptors") { $0.descriptors = .of(8_192) } == .ok)
  }

  @Test func `the system's own texts are read`() {
    var facts = MachineFacts()
    facts.readRights(
      status: "Name:\tuio2\nCapEff:\t0000000000804000\n",
      limits: """
        Limit                     Soft Limit           Hard Limit           Units
        Max open files            1024                 524288               files
        Max locked memory         65536                unlimited            bytes
        Max realtime priority     0                    20
        """)
    #expect(facts.mayLockAnything == true && facts.mayScheduleAnything == true)
    #expect(facts.descriptors == .of(524_288) && facts.lockedMemory == .unlimited && facts.realtimePriority == .of(20))
    facts.readMemory("MemTotal:  8388608 kB\nMemFree: 1 kB\nMemAvailable:  4194304 kB\n", limit: "max", used: "5")
    #expect(facts.memory == 8 << 30 && facts.availableMemory == 4 << 30)
    // A container allows less than the machine has.
    facts.readMemory(
      "MemTotal:  8388608 kB\nMemAvailable:  4194304 kB\n", limit: "\(2 << 30)", used: "\(1 << 30)")
    #expect(facts.memory == 2 << 30 && facts.availableMemory == 1 << 30)
    facts.readRights(status: "CapEff: none", limits: "Max open files")
    #expect(facts.descriptors == nil)
  }
}
