"""Package metadata; tool settings are in pyproject.toml."""

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
PACKAGES = (
    "hubspot_api",
    "tap_hubspot_engagements",
    "target_mysql",
    "hubspot_simulator",
    "engagements_report",
)

# Why each is here is said in the README.
REQUIRES = [
    "singer-python>=6.8,<7",
    "requests>=2.32.4,<3",
    "urllib3>=2.6.3,<3",
    "backoff>=2.2.1,<3",
    "msgspec>=0.20,<1",
    "fastjsonschema>=2.19,<3",
    "PyMySQL[rsa]>=1.2,<1.3",  # some of its private methods are overridden: see login.py
    "rich>=13.7,<16",
    "tzdata>=2024.1",
]
# To draw the page of `engagements-report --html`.
REPORT_REQUIRES = [
    "vl-convert-python>=1.8,<2",
]
# To look at that page in a browser: `make test-page`.
PAGE_TEST_REQUIRES = [
    "playwright>=1.50,<2",
    "axe-playwright-python>=0.1.7,<1",
]
TEST_REQUIRES = [
    "pytest>=8,<10",
    "hypothesis>=6.100,<7",
    "mirakuru>=3,<4",
    "psutil>=5.9,<8",
]
LINT_REQUIRES = [
    "ruff>=0.15,<0.18",
    "mypy>=1.15,<3",
    "types-PyMySQL",
    "types-psutil",
    "types-requests",
]

setup(
    name="tap-hubspot-engagements",
    version="0.1.0",
    description="HubSpot engagements to MySQL and MariaDB: a Singer tap, a Singer target, reports",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=[f"{name}*" for name in PACKAGES]),
    package_data={
        "hubspot_api": ["py.typed"],
        "tap_hubspot_engagements": ["schemas/*.json", "py.typed"],
        "target_mysql": ["py.typed"],
        "hubspot_simulator": ["py.typed"],
        "engagements_report": ["sql/*.sql", "page.css", "py.typed"],
    },
    install_requires=REQUIRES,
    extras_require={
        "report": REPORT_REQUIRES,
        "test": TEST_REQUIRES + REPORT_REQUIRES,
        "test-page": TEST_REQUIRES + REPORT_REQUIRES + PAGE_TEST_REQUIRES,
        "dev": TEST_REQUIRES + REPORT_REQUIRES + LINT_REQUIRES,
    },
    entry_points={
        "console_scripts": [
            "tap-hubspot-engagements=tap_hubspot_engagements.cli:main",
            "target-mysql=target_mysql.cli:main",
            "engagements-report=engagements_report.cli:main",
        ]
    },
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Intended Audience :: Developers",
        "Operating System :: POSIX",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Programming Language :: Python :: 3.14",
        "Topic :: Database",
        "Typing :: Typed",
    ],
)
