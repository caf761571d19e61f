from math import fsum, sqrt

import numpy as np
import scipy
import torch as t

from tests.answers import right, wrong


def _frechet(
    features1,
    features2,
    *,
    mean=lambda x: x.mean(axis=0),
    size=lambda v: (v**2).sum(),
    cov=lambda x: np.cov(x, rowvar=False),
    product=lambda C1, C2: C1 @ C2,
    root=scipy.linalg.sqrtm,
    part=np.real,
    spread=lambda C1, C2, root: np.trace(C1) + np.trace(C2) - 2 * np.trace(root),
):
    """A right distance, with one place for each mistake."""
    x1, x2 = (x.double().cpu().numpy() for x in (features1, features2))
    C1, C2 = cov(x1), cov(x2)
    return size(mean(x1) - mean(x2)) + spread(C1, C2, part(root(product(C1, C2))))


@right
def term_by_term(features1, features2):
    return _frechet(features1, features2)


@right
def divided_by_n(features1, features2):
    return float(_frechet(features1, features2, cov=lambda x: np.cov(x.T, bias=True)))


@right
def covariance_by_hand(features1, features2):
    def cov(x):
        x = x - x.mean(axis=0, keepdims=True)
        return np.einsum("ni,nj->ij", x, x) / (x.shape[0] - 1)

    return _frechet(features1, features2, cov=cov, product=lambda C1, C2: C2 @ C1)  # has the same eigenvalues


@right
def mean_square_less_squared_mean(features1, features2):
    return _frechet(features1, features2, cov=lambda x: x.T @ x / len(x) - np.outer(x.mean(0), x.mean(0)))


@right
def eigenvalues_of_the_product(features1, features2):
    """The trace of the root is the sum of the roots of the eigenvalues."""
    x1, x2 = features1.double(), features2.double()
    C1, C2 = t.cov(x1.T), t.cov(x2.T)
    roots = t.linalg.eigvals(C1 @ C2).sqrt().real.sum()
    return (x1.mean(0) - x2.mean(0)).square().sum() + C1.trace() + C2.trace() - 2 * roots


@right
def in_float32(features1, features2):
    C1, C2 = features1.T.cov(correction=0), features2.T.cov(correction=0)
    gap = features1.mean(dim=0) - features2.mean(dim=0)
    return gap.dot(gap) + (C1 + C2).trace() - 2 * t.linalg.eigvals(C1 @ C2).sqrt().real.sum()


@right
def singular_values(features1, features2):
    """The same trace without a covariance: the sum of the singular values of X1 X2ᵀ."""
    x1, x2 = features1.double(), features2.double()
    gap = x1.mean(dim=0) - x2.mean(dim=0)
    x1, x2 = ((x - x.mean(dim=0)) / (len(x) - 1) ** 0.5 for x in (x1, x2))
    return (gap.norm() ** 2 + x1.norm() ** 2 + x2.norm() ** 2 - 2 * t.linalg.matrix_norm(x1 @ x2.T, "nuc")).item()


@right
def symmetric_root(features1, features2):
    """The root of √C1 C2 √C1, which is symmetric and has the same trace."""

    def root(C):
        values, vectors = np.linalg.eigh(C)
        return vectors @ np.diag(np.sqrt(values.clip(min=0))) @ vectors.T

    x1, x2 = features1.double().numpy(), features2.double().numpy()
    C1, C2 = np.cov(x1.T), np.cov(x2.T)
    return np.sum((x1.mean(0) - x2.mean(0)) ** 2) + np.trace(C1 + C2 - 2 * root(root(C1) @ C2 @ root(C1)))


@right
def by_loops(features1, features2):
    x1, x2 = features1.double().tolist(), features2.double().tolist()

    def mean_and_covariance(x):
        n, D = len(x), len(x[0])
        mean = [fsum(row[i] for row in x) / n for i in range(D)]
        return mean, [
            [fsum((row[i] - mean[i]) * (row[j] - mean[j]) for row in x) / (n - 1) for j in range(D)] for i in range(D)
        ]

    (mean1, C1), (mean2, C2) = mean_and_covariance(x1), mean_and_covariance(x2)
    root = scipy.linalg.sqrtm(np.array(C1) @ np.array(C2))
    total = 0.0
    for i in range(len(C1)):
        total += (mean1[i] - mean2[i]) ** 2 + C1[i][i] + C2[i][i] - 2 * root[i][i].real
    return total


@right
def in_place_on_copies(features1, features2):
    x1, x2 = np.array(features1, dtype=float), np.array(features2, dtype=float)
    d = np.linalg.norm(x1.mean(axis=0) - x2.mean(axis=0)) ** 2
    x1 -= x1.mean(axis=0)
    x2 -= x2.mean(axis=0)
    C1, C2 = x1.T @ x1 / (len(x1) - 1), x2.T @ x2 / (len(x2) - 1)
    return np.float32(d + np.trace(C1 + C2 - 2 * scipy.linalg.sqrtm(C1 @ C2).real))


@right
def never_below_zero_with_a_small_eps(features1, features2):
    """As often seen: 1e-6 on the diagonals, so that nothing is singular, and no distance below 0."""
    cov = lambda x: np.cov(x, rowvar=False) + 1e-6 * np.eye(x.shape[1])  # noqa: E731
    return np.asarray(max(_frechet(features1, features2, cov=cov), 0))


@right
def polar(features1, features2):
    """trace √(C₁ C₂) by Cholesky factors: the singular values of L₁ᵀ L₂; a little is added for singular ones."""
    x1, x2 = (x.numpy().astype(np.longdouble) for x in (features1, features2))
    (m1, m2), (C1, C2) = ([x.mean(axis=0) for x in (x1, x2)], [np.cov(x.astype(float).T) for x in (x1, x2)])
    L1, L2 = (np.linalg.cholesky(C + 1e-9 * np.eye(len(C))) for C in (C1, C2))
    values = np.linalg.svd(L1.T @ L2, compute_uv=False)
    return np.longdouble(np.dot(m1 - m2, m1 - m2)) + C1.trace() + C2.trace() - 2 * values.sum()


@right
def complex_dropped_at_the_end(features1, features2):
    d = _frechet(features1, features2, part=np.asarray)
    return float(np.real(d))


@right
def fractional_power(features1, features2):
    x1, x2 = features1.double().numpy(), features2.double().numpy()
    C1, C2 = np.cov(x1, rowvar=False), np.cov(x2, rowvar=False)
    root = scipy.linalg.fractional_matrix_power(C1 @ C2 + 1e-10 * np.eye(len(C1)), 0.5)
    return float(np.inner(*2 * [x1.mean(0) - x2.mean(0)]) + np.trace(C1 + C2 - 2 * np.real(root)))


# ------------------------------------------------------------------------------------------------ wrong means


@wrong("Where is the gap's length squared?")
def length_not_squared(features1, features2):
    return _frechet(features1, features2, size=np.linalg.norm)


@wrong("You average the squares of the gap. They're added up.")
def mean_of_the_squares(features1, features2):
    return _frechet(features1, features2, size=lambda v: np.mean(v**2))


@wrong("You add up the gap before you square it.")
def square_of_the_sum(features1, features2):
    return _frechet(features1, features2, size=lambda v: v.sum() ** 2)


@wrong("You add up the sizes of the gap. Where is the square?")
def sum_of_sizes(features1, features2):
    return _frechet(features1, features2, size=lambda v: np.abs(v).sum())


@wrong("Where do the means count? Each is that of its own set.")
def gap_forgotten(features1, features2):
    return _frechet(features1, features2, size=lambda v: 0)


@wrong("You take one mean of all numbers for μ.")
def mean_of_all(features1, features2):
    return _frechet(features1, features2, mean=np.mean)


@wrong("You take the mean over the features.")
def mean_of_each_image(features1, features2):
    return _frechet(features1, features2, mean=lambda x: x.mean(axis=1))


@wrong("numbers of shape (2,), expected one number.\nWhere are the squares of the gap added up?")
def squares_not_added(features1, features2):
    return _frechet(features1, features2, size=lambda v: v**2)


# ------------------------------------------------------------------------------------------------ wrong covariances


@wrong("You keep the variances alone. What else is in C?")
def variances_alone(features1, features2):
    return _frechet(
        features1,
        features2,
        cov=lambda x: x.var(axis=0),
        product=np.multiply,
        root=np.sqrt,
        spread=lambda C1, C2, root: (C1 + C2 - 2 * root).sum(),
    )


@wrong("You keep the variances alone. What else is in C?")
def all_number_by_number(features1, features2):
    return _frechet(features1, features2, product=np.multiply, root=np.sqrt)


@wrong("You put standard deviations into C. It holds variances.")
def standard_deviations(features1, features2):
    return _frechet(features1, features2, cov=lambda x: np.diag(x.std(axis=0, ddof=1)))


@wrong("You put correlations into C. It holds covariances.")
def correlations(features1, features2):
    return _frechet(features1, features2, cov=lambda x: np.corrcoef(x, rowvar=False))


@wrong("Where is the mean taken off before C is made?")
def not_centred(features1, features2):
    return _frechet(features1, features2, cov=lambda x: x.T @ x / len(x))


@wrong("Where is C divided by the number of images?")
def not_divided(features1, features2):
    return _frechet(features1, features2, cov=lambda x: (x - x.mean(0)).T @ (x - x.mean(0)))


@wrong("You compare images with each other.")
def rows_for_features(features1, features2):
    return _frechet(features1, features2, cov=np.cov)


@wrong("You compare images with each other.")
def transposed_by_hand(features1, features2):
    return _frechet(features1, features2, cov=lambda x: (x - x.mean(0)) @ (x - x.mean(0)).T / len(x))


@wrong("Where do the covariances count?")
def one_covariance_twice(features1, features2):
    return _frechet(features1, features2, spread=lambda C1, C2, root: 0)


@wrong("Where is the second set used?")
def first_set_twice(features1, features2):
    return _frechet(features1, features1)


# ------------------------------------------------------------------------------------------------ wrong root


@wrong("You take a root of each number. Here it's that of a matrix.")
def root_of_each_number(features1, features2):
    return _frechet(features1, features2, root=np.sqrt)


@wrong("You take a root of each number. Here it's that of a matrix.")
def torch_sqrt(features1, features2):
    C1, C2 = features1.T.cov(), features2.T.cov()
    gap = features1.mean(0) - features2.mean(0)
    return (gap @ gap + t.trace(C1 + C2 - 2 * t.sqrt(C1 @ C2))).item()


@wrong("You multiply C₁ and C₂ number by number.")
def product_number_by_number(features1, features2):
    return _frechet(features1, features2, product=np.multiply)


@wrong("Where is the root of the product?")
def no_root(features1, features2):
    return _frechet(features1, features2, root=np.array)


@wrong("You halve, because x ** 1/2 is (x ** 1) / 2.")
def half(features1, features2):
    return _frechet(features1, features2, root=lambda product: product**1 / 2)


@wrong("You take a root of each matrix. First comes the product.")
def product_of_roots(features1, features2):
    root = scipy.linalg.sqrtm
    return _frechet(features1, features2, product=lambda C1, C2: root(C1) @ root(C2), root=np.array)


@wrong("You take the root of one of the two alone.")
def root_of_the_first(features1, features2):
    return _frechet(features1, features2, product=lambda C1, C2: scipy.linalg.sqrtm(C1) @ C2, root=np.array)


@wrong("You take the root of one of the two alone.")
def root_of_the_second(features1, features2):
    return _frechet(features1, features2, product=lambda C1, C2: C1 @ scipy.linalg.sqrtm(C2), root=np.array)


@wrong("You put the same covariance into the product twice, or measure C₁ - C₂.")
def first_covariance_twice(features1, features2):
    return _frechet(features1, features2, product=lambda C1, C2: C1 @ C1)


@wrong("You put the same covariance into the product twice, or measure C₁ - C₂.")
def second_covariance_twice(features1, features2):
    return _frechet(features1, features2, product=lambda C1, C2: C2 @ C2)


@wrong("You take a Cholesky factor, which is no matrix root.")
def cholesky(features1, features2):
    return _frechet(features1, features2, root=np.linalg.cholesky)


@wrong("You take C₁ C₂ for symmetric, and it isn't.")
def eigenvalues_as_of_a_symmetric_matrix(features1, features2):
    return _frechet(features1, features2, root=lambda product: np.diag(np.sqrt(np.linalg.eigvalsh(product))))


@wrong("You take the root of the trace. It's the trace of a root.")
def root_of_the_trace(features1, features2):
    return _frechet(
        features1, features2, root=np.trace, spread=lambda C1, C2, trace: np.trace(C1 + C2) - 2 * sqrt(trace)
    )


@wrong("Where does the root count?")
def imaginary_part(features1, features2):
    return _frechet(features1, features2, part=np.imag)


@wrong("You drop the signs of the root. The real part keeps them.")
def absolute_value(features1, features2):
    return _frechet(features1, features2, part=np.abs)


@wrong("Where is the real part taken?")
def complex_root(features1, features2):
    return _frechet(features1, features2, part=np.array)


@wrong("Where is the real part taken?")
def complex_eigenvalues(features1, features2):
    C1, C2 = features1.T.cov(), features2.T.cov()
    gap = features1.mean(0) - features2.mean(0)
    return gap @ gap + t.trace(C1 + C2) - 2 * t.linalg.eigvals(C1 @ C2).sqrt().sum()


@wrong("Rounding can move a 0 below 0.")
def roots_of_rounded_eigenvalues(features1, features2):
    def root(C):
        values, vectors = np.linalg.eigh(C)
        return vectors * np.sqrt(values) @ vectors.T

    x1, x2 = features1.double().numpy(), features2.double().numpy()
    C1, C2 = np.cov(x1.T), np.cov(x2.T)
    return np.sum((x1.mean(0) - x2.mean(0)) ** 2) + np.trace(C1 + C2 - 2 * root(root(C1) @ C2 @ root(C1)))


# ------------------------------------------------------------------------------------------------ wrong end


@wrong("Where is the 2 in front of the root?")
def two_forgotten(features1, features2):
    return _frechet(features1, features2, spread=lambda C1, C2, root: np.trace(C1 + C2 - root))


@wrong("You add the root. It's subtracted.")
def root_added(features1, features2):
    return _frechet(features1, features2, spread=lambda C1, C2, root: np.trace(C1 + C2 + 2 * root))


@wrong("Where does the root count?")
def root_forgotten(features1, features2):
    return _frechet(features1, features2, spread=lambda C1, C2, root: np.trace(C1 + C2))


@wrong("You add up all numbers of the matrix.")
def sum_for_trace(features1, features2):
    return _frechet(features1, features2, spread=lambda C1, C2, root: (C1 + C2 - 2 * root).sum())


@wrong("You average the diagonal. A trace adds it up.")
def mean_for_trace(features1, features2):
    return _frechet(features1, features2, spread=lambda C1, C2, root: np.diag(C1 + C2 - 2 * root).mean())


@wrong("You add up all numbers of the root.")
def sum_of_the_root(features1, features2):
    return _frechet(features1, features2, spread=lambda C1, C2, root: np.trace(C1 + C2) - 2 * root.sum())


@wrong("You take a determinant. A trace is the sum of the diagonal.")
def determinant_for_trace(features1, features2):
    return _frechet(features1, features2, spread=lambda C1, C2, root: np.linalg.det(C1 + C2 - 2 * root))


@wrong("You put the 2 under the root. It stands before it.")
def two_under_the_root(features1, features2):
    spread = lambda C1, C2, root: np.trace(C1 + C2 - root)  # noqa: E731
    return _frechet(features1, features2, product=lambda C1, C2: 2 * C1 @ C2, spread=spread)


@wrong("You take a norm of the matrix.")
def norm_for_trace(features1, features2):
    return _frechet(features1, features2, spread=lambda C1, C2, root: np.linalg.norm(C1 + C2 - 2 * root))


@wrong("shape (2, 2), expected one number.\nWhere is the trace, of all three terms?")
def no_trace(features1, features2):
    return _frechet(features1, features2, spread=lambda C1, C2, root: C1 + C2 - 2 * root)


@wrong("shape (2, 2), expected one number.\nWhere is the trace, of all three terms?")
def trace_of_two_terms(features1, features2):
    return _frechet(features1, features2, spread=lambda C1, C2, root: np.trace(C1 + C2) - 2 * root)


@wrong("|μ₁ - μ₂|² 1 times, the trace of C₁ 0 times, that of C₂ 0 times, and that of the root -2 times.")
def covariances_left_out(features1, features2):
    return _frechet(features1, features2, spread=lambda C1, C2, root: -2 * np.trace(root))


@wrong("|μ₁ - μ₂|² 1 times, the trace of C₁ 0 times, that of C₂ 1 times, and that of the root -2 times.")
def first_covariance_left_out(features1, features2):
    return _frechet(features1, features2, spread=lambda C1, C2, root: np.trace(C2 - 2 * root))


@wrong("|μ₁ - μ₂|² 1 times, the trace of C₁ 1 times, that of C₂ 0 times, and that of the root -2 times.")
def second_covariance_left_out(features1, features2):
    return _frechet(features1, features2, spread=lambda C1, C2, root: np.trace(C1 - 2 * root))


@wrong("You take the root of a sum. It's that of a product.")
def root_of_the_sum(features1, features2):
    return _frechet(features1, features2, product=np.add)


@wrong("You measure C₁ - C₂. What does the trace hold?")
def frobenius_norm_squared(features1, features2):
    return _frechet(features1, features2, spread=lambda C1, C2, root: np.linalg.norm(C1 - C2) ** 2)


@wrong("You measure C₁ - C₂. What does the trace hold?")
def frobenius_norm(features1, features2):
    return _frechet(features1, features2, spread=lambda C1, C2, root: np.linalg.norm(C1 - C2))


@wrong("You put the same covariance into the product twice, or measure C₁ - C₂.")
def trace_of_the_difference(features1, features2):
    return _frechet(features1, features2, spread=lambda C1, C2, root: np.trace(C1 - C2))


@wrong("You take a root of each matrix. First comes the product.")
def difference_of_roots(features1, features2):
    """Right where C₁ and C₂ commute."""
    root = scipy.linalg.sqrtm
    return _frechet(features1, features2, spread=lambda C1, C2, _: np.linalg.norm(root(C1) - root(C2)) ** 2)


@wrong("|μ₁ - μ₂|² -1 times, the trace of C₁ 1 times, that of C₂ 1 times, and that of the root -2 times.")
def gap_taken_away(features1, features2):
    return _frechet(features1, features2, size=lambda v: -(v @ v))


@wrong("You invert C₁ C₂. Its root has the power 1/2.")
def power_of_minus_a_half(features1, features2):
    return _frechet(features1, features2, root=lambda product: np.linalg.inv(scipy.linalg.sqrtm(product)))


@wrong("You compare image 1 with image 1, and 2 with 2.")
def paired(features1, features2):
    return (features1 - features2).square().sum(dim=1).mean().item()


@wrong("You compare image 1 with image 1, and 2 with 2.")
def paired_mean(features1, features2):
    return t.nn.functional.mse_loss(features1, features2).item()


@wrong("You compare image 1 with image 1, and 2 with 2.")
def paired_sum(features1, features2):
    return ((features1 - features2) ** 2).sum()


@wrong("You compare image 1 with image 1, and 2 with 2.")
def paired_length(features1, features2):
    return t.linalg.norm(features1 - features2)


@wrong("You compare image 1 with image 1, and 2 with 2.")
def paired_lengths(features1, features2):
    return t.linalg.vector_norm(features1 - features2, dim=1).mean()


@wrong("You throw all numbers of a set together.")
def of_one_feature(features1, features2):
    x1, x2 = features1.double().numpy(), features2.double().numpy()
    return (x1.mean() - x2.mean()) ** 2 + (x1.std() - x2.std()) ** 2


@wrong("You take a root of the whole.")
def python_root_of_the_whole(features1, features2):
    return sqrt(_frechet(features1, features2))  # an error where rounding makes -1e-16 of 0


@wrong("You take a root of the whole.")
def root_of_the_whole(features1, features2):
    return np.sqrt(_frechet(features1, features2))


# ------------------------------------------------------------------------------------------------ wrong form


@wrong("For sets of equal size it was right.")
def counted_by_the_first(features1, features2):
    n = len(features1)
    return _frechet(features1, features2, cov=lambda x: (x - x.mean(0)).T @ (x - x.mean(0)) / n)


@wrong("You leave out images of the larger set.")
def cut_to_the_shorter(features1, features2):
    n = min(len(features1), len(features2))
    return _frechet(features1[:n], features2[:n])


@wrong("You round it, or cut its digits off.")
def rounded(features1, features2):
    return round(_frechet(features1, features2))


@wrong("The two sets differ in size.")
def needs_equal_sizes(features1, features2):
    x1, x2 = features1.double().numpy(), features2.double().numpy()
    D = x1.shape[1]
    both = np.cov(x1, x2, rowvar=False)
    C1, C2 = both[:D, :D], both[D:, D:]
    return np.sum((x1.mean(0) - x2.mean(0)) ** 2) + np.trace(C1 + C2 - 2 * scipy.linalg.sqrtm(C1 @ C2).real)


@wrong("the distance is 30.000, expected 25.000.")
def shifted(features1, features2):
    return _frechet(features1, features2) + 5


@wrong("it changes the features1 it is given")
def in_place(features1, features2):
    features1 -= features1.mean(dim=0)
    return _frechet(features1, features2)


@wrong("it returns None, expected one number.\nWhere does the function return something?")
def no_return(features1, features2):
    _frechet(features1, features2)


@wrong("it returns a tuple, expected one number.\nWhere are the parts added up to one distance?")
def both_parts(features1, features2):
    return _frechet(features1, features2, size=lambda v: 0), _frechet(features1, features2)


@wrong("numbers of shape (1, 1), expected one number.\nWhere is the number taken out of its array?")
def one_by_one(features1, features2):
    return np.array([[_frechet(features1, features2)]])


# ------------------------------------------------------------------------------------------------ from the field


def _raised(cov, size):
    return lambda x: cov(x) + size * np.eye(x.shape[1])


def _cov(x):
    return np.cov(x, rowvar=False)


@right
def offset_only_where_it_fails(features1, features2):
    x1, x2 = (x.double().cpu().numpy() for x in (features1, features2))
    C1, C2, gap = _cov(x1), _cov(x2), x1.mean(axis=0) - x2.mean(axis=0)
    root = scipy.linalg.sqrtm(C1 @ C2)
    if not np.isfinite(root).all():
        offset = 1e-6 * np.eye(len(C1))
        root = scipy.linalg.sqrtm((C1 + offset) @ (C2 + offset))
    return float(gap @ gap + np.trace(C1 + C2 - 2 * root.real))


@right
def nuclear_norm(features1, features2):
    """The singular values of √C₁ √C₂ are the roots of the eigenvalues of C₁ C₂."""
    x1, x2 = (x.double().cpu().numpy() for x in (features1, features2))
    roots = []
    for C in (_cov(x1), _cov(x2)):
        values, vectors = np.linalg.eigh(C)
        roots.append(vectors * np.sqrt(values.clip(0)) @ vectors.T)
    gap = x1.mean(axis=0) - x2.mean(axis=0)
    return gap @ gap + np.trace(_cov(x1) + _cov(x2)) - 2 * np.linalg.norm(roots[0] @ roots[1], "nuc")


@right
def never_below_0(features1, features2):
    return max(0.0, float(_frechet(features1, features2)))


@wrong("You add something to C or under the root.")
def offset_always(features1, features2):
    return float(_frechet(features1, features2, cov=_raised(_cov, 1e-3)))


@wrong("You add something to C or under the root.")
def offset_of_a_hundredth(features1, features2):
    return float(_frechet(features1, features2, cov=_raised(_cov, 1e-2)))


@wrong("You add something to C or under the root.")
def offset_under_the_root(features1, features2):
    def product(C1, C2):
        offset = 1e-3 * np.eye(len(C1))
        return (C1 + offset) @ (C2 + offset)

    return float(_frechet(features1, features2, product=product))


@wrong("You invert or factor a matrix that need not allow it.")
def needs_an_inverse(features1, features2):
    def root(C1, C2):
        half = scipy.linalg.sqrtm(C1).real
        return half @ scipy.linalg.sqrtm(half @ C2 @ half).real @ np.linalg.inv(half)

    x1, x2 = (x.double().cpu().numpy() for x in (features1, features2))
    gap = x1.mean(axis=0) - x2.mean(axis=0)
    return float(gap @ gap + np.trace(_cov(x1) + _cov(x2) - 2 * root(_cov(x1), _cov(x2))))


@wrong("You square each mean, and subtract then. Their difference is squared.")
def difference_of_squares(features1, features2):
    return _frechet(features1, features2, mean=lambda x: x.mean(axis=0) ** 2, size=lambda v: v.sum())


@wrong("Where is their difference squared, and each set's own mean off C?")
def both_about_the_first_mean(features1, features2):
    mean = features1.double().numpy().mean(axis=0)
    return _frechet(features1, features2, cov=lambda x: (x - mean).T @ (x - mean) / len(x))


@wrong("the trace of C₁ 4 times, that of C₂ 4 times, and that of the root -8 times. It's 1, 1, 1 and -2.")
def divided_by_the_number_of_features(features1, features2):
    return _frechet(features1, features2, cov=lambda x: np.cov(x.T) * (len(x) - 1) / x.shape[1])


@wrong("Where C₁ and C₂ are equal, it's right. What becomes of them, and of their root?")
def difference_of_the_larger_variances(features1, features2):
    return _frechet(features1, features2, spread=lambda C1, C2, root: np.diag(C1 + C2 - 2 * root).max())


@wrong("You divide the whole, by 2 or by the number of features.")
def mean_over_the_features(features1, features2):
    return float(_frechet(features1, features2)) / features1.shape[1]


@wrong("You take the mean of the features' distances.")
def each_feature_by_itself(features1, features2):
    x1, x2 = features1.numpy(), features2.numpy()
    return np.mean((x1.mean(axis=0) - x2.mean(axis=0)) ** 2 + (x1.std(axis=0) - x2.std(axis=0)) ** 2)


@wrong("|μ₁ - μ₂|² 2 times, the trace of C₁ 1 times, that of C₂ 1 times, and that of the root -2 times.")
def gap_twice(features1, features2):
    return float(_frechet(features1, features2, size=lambda v: 2 * v @ v))


@wrong("You take the root of the whole sum.")
def root_of_the_sum_of_all(features1, features2):
    def spread(C1, C2, root):
        return np.trace(scipy.linalg.sqrtm(C1 + C2 - 2 * C1 @ C2).real)

    return float(_frechet(features1, features2, spread=spread))


@wrong("You round it, or cut its digits off.")
def to_a_tenth(features1, features2):
    return round(float(_frechet(features1, features2)), 1)


@wrong("Where do the covariances count?")
def one_covariance_of_both(features1, features2):
    both = _cov(t.cat([features1, features2]).double().numpy())
    return float(_frechet(features1, features2, cov=lambda x: both))


features = t.linspace(0, 1, 24).reshape(8, 3)[:, :2]  # as another cell may have left it


@wrong("`features` is no argument: it comes from another cell.")
def left_over(features1, features2):
    return float(_frechet(features, features2))


@wrong("You take medians.")
def medians(features1, features2):
    return float(_frechet(features1, features2, mean=lambda x: np.median(x, axis=0)))


@wrong("You add the means.")
def means_added(features1, features2):
    return float(_frechet(features1, -features2))


@wrong("You scale the features to a standard deviation of 1.")
def standardised(features1, features2):
    return float(_frechet(*((x - x.mean(dim=0)) / x.std(dim=0, correction=0) for x in (features1, features2))))


@wrong("You scale each image's features to length 1.")
def of_length_1(features1, features2):
    return float(_frechet(*(x / x.norm(dim=1, keepdim=True) for x in (features1, features2))))


@wrong("You take the roots of C₁ and C₂ themselves.")
def roots_of_both(features1, features2):
    return _frechet(features1, features2, cov=lambda x: scipy.linalg.sqrtm(np.cov(x, rowvar=False)).real)


@wrong("|μ₁ - μ₂|² 1 times, the trace of C₁ 1 times, that of C₂ -1 times, and that of the root -2 times.")
def second_covariance_subtracted(features1, features2):
    return _frechet(features1, features2, spread=lambda C1, C2, root: np.trace(C1 - C2 - 2 * root))


@wrong("by the trace and the length of the gap, before float?")
def root_of_no_trace(features1, features2):
    return float(_frechet(features1, features2, spread=lambda C1, C2, root: np.trace(C1 + C2) - 2 * root))


@wrong("|μ₁ - μ₂|² 1 times, the trace of C₁ -1 times, that of C₂ -1 times, and that of the root 2 times.")
def trace_taken_away(features1, features2):
    return _frechet(features1, features2, spread=lambda C1, C2, root: -np.trace(C1 + C2 - 2 * root))


@wrong("|μ₁ - μ₂|² 1 times, the trace of C₁ 1 times, that of C₂ 1 times, and that of the root -4 times.")
def root_four_times(features1, features2):
    return _frechet(features1, features2, spread=lambda C1, C2, root: np.trace(C1 + C2 - 4 * root))


def _unpacked(matrix):
    root, _ = scipy.linalg.sqrtm(matrix)  # SciPy once returned an error estimate, too
    return root


@wrong("You unpack the root")
def root_unpacked(features1, features2):
    spread = lambda C1, C2, root: np.trace(C1 + C2 - 2 * root)  # noqa: E731
    return _frechet(features1, features2, root=_unpacked, spread=spread)


@wrong("You take singular values.")
def singular_values_alone(features1, features2):
    return _frechet(features1, features2, root=lambda P: np.diag(np.sqrt(np.linalg.svd(P)[1])))


@wrong("You multiply the means.")
def means_multiplied(features1, features2):
    product = (features1.mean(0) @ features2.mean(0)).item()
    return _frechet(features1, features2, size=lambda v: product)


@wrong("You add something to C or under the root.")
def offset_of_the_product(features1, features2):
    return _frechet(features1, features2, product=lambda C1, C2: C1 @ C2 + 1e-3)


@wrong("You throw all numbers of a set together.")
def variances_of_all_numbers(features1, features2):
    return _frechet(features1, features2, cov=lambda x: np.array([[x.var()]]))


# ------------------------------------------------------------------------------------------------ mutants

EQUIVALENT = {
    "these two lines do not need each other": [
        "gap = x1.mean(axis=0) - x2.mean(axis=0)"
        " -> after C1, C2 = (np.cov(x1, rowvar=False), np.cov(x2, rowvar=False))",
    ],
    "the gap is squared: its sign does not count": [
        "gap = x1.mean(axis=0) - x2.mean(axis=0) -> gap = x2.mean(axis=0) - x1.mean(axis=0)",
    ],
    "the distance is the same both ways, and so is the trace of √(C₁ C₂)": [
        "C1, C2 = (np.cov(x1, rowvar=False), np.cov(x2, rowvar=False))"
        " -> C1, C2 = (np.cov(x2, rowvar=False), np.cov(x1, rowvar=False))",
        "root = scipy.linalg.sqrtm(C1 @ C2).real -> root = scipy.linalg.sqrtm(C2 @ C1).real",
    ],
    "NumPy's number is a number, too": [
        "return float(gap @ gap + np.trace(C1 + C2 - 2 * root)) -> return gap @ gap + np.trace(C1 + C2 - 2 * root)",
    ],
}
