"""Figures and the report: drawn from tables and statistics that are there already. Computes no statistic."""
