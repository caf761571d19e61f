"""Make what lies in solutions/assets/, small pictures, weights and results: python -m tools.make_assets NAME"""
