import CBLAS
import CKernels

#if canImport(Glibc)
  import Glibc
#endif

/// The one gate to OpenBLAS.
public enum BLAS {
  /// OpenBLAS 0.3.21 (Debian 12) does not know recent processors and falls back to kernels without AVX-512, 2 to 5 times
  /// slower. `OPENBLAS_CORETYPE` is read when the library is loaded, which is before `main`; so it is set here and the
  /// detection run again, before the first product.
  private static let prepared: Void = {
    if uio2_has_avx512() != 0, getenv("OPENBLAS_CORETYPE") == nil {
      let known = ["SkylakeX", "Cooperlake", "SapphireRapids"]
      if !known.contains(currentCoreName()) {
        setenv("OPENBLAS_CORETYPE", "SkylakeX", 0)
        gotoblas_dynamic_quit()
        gotoblas_dynamic_init()
      }
    }
    // Products are shared out by ``Parallel``; a second set of threads would only get in the way.
    openblas_set_num_threads(1)
  }()

  private static func currentCoreName() -> String {
    openblas_get_corename().map { String(cString: $0) } ?? ""
  }

  /// The kernels in use, e.g. `SkylakeX`.
  public static var coreName: String {
    prepared
    return currentCoreName()
  }

  /// `c = a · b` for row-major matrices with leading dimensions: a `[m, k]`, b `[k, n]`, c `[m, n]`.
  static func multiply(
    _ a: UnsafePointer<Float>, _ lda: Int, _ b: UnsafePointer<Float>, _ ldb: Int, into c: UnsafeMutablePointer<Float>,
    _ ldc: Int, m: Int, n: Int, k: Int
  ) {
    prepared
    guard m > 0, n > 0 else { return }
    cblas_sgemm(
      CblasRowMajor, CblasNoTrans, CblasNoTrans, Int32(m), Int32(n), Int32(k), 1, a, Int32(lda), b, Int32(ldb), 0, c,
      Int32(ldc))
  }
}
