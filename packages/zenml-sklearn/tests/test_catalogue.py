from __future__ import annotations

import inspect
import subprocess
import sys

from zenml_sklearn import catalogue


def test_the_catalogue_lists_what_scikit_learn_lists(sklearn_estimators):
    assert catalogue.names() == tuple(sorted(sklearn_estimators))


def test_the_catalogue_knows_kind_module_and_parameters_of_each(sklearn_estimators):
    for name, (kind, cls) in sklearn_estimators.items():
        found = catalogue.find(name)
        parameters = [row for row in inspect.signature(cls.__init__).parameters.values() if row.name != "self"]
        assert found is not None
        assert (found.name, found.kind) == (name, kind)
        assert found.load() is cls
        assert sorted(found.parameters) == cls._get_param_names()
        assert list(found.required) == [row.name for row in parameters if row.default is row.empty]


def test_other_names_are_not_found():
    for name in (
        "KMeans",
        "StandardScaler",
        "BaseEstimator",
        "ClassifierMixin",
        "os",
        "",
        "Logistic.*",
        "accuracy_score",
    ):
        assert catalogue.find(name) is None


def test_finding_imports_no_scikit_learn():
    script = (
        "import sys; from zenml_sklearn.catalogue import find, names; assert find('LogisticRegression'); names();"
        "print([name for name in sys.modules if name.split('.')[0] in ('sklearn', 'scipy')])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
